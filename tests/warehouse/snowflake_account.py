"""A Snowflake account at the edge of the connector: it keeps a user's two keys, records statements, and answers SHOW
and DESC with the columns that Snowflake's documentation names. Whatever else it is asked, it answers with nothing.
"""

import re
from functools import cache
from types import SimpleNamespace

from snowflake.connector.errors import DatabaseError, ProgrammingError

from scripts.shared.key_pair import fingerprint, public_half

ACCOUNT = {"organization": "HARBOUR", "name": "AMBER", "locator": "XY12345", "region": "AWS_EU_CENTRAL_1"}
SLOTS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")


public_of = cache(public_half)


class Account:
    """`answers`: rows by the beginning of a statement; `refuses`: a beginning and what is said then. `keys`: public
    halves by slot. `after`: called after each statement that changes something."""

    def __init__(self, user="HARBOUR_FLOWS", role="HARBOUR_LOADER_AMBER", warehouse="LOADING_AMBER"):
        self.user, self.role, self.warehouse = user, role, warehouse
        self.keys, self.comment = dict.fromkeys(SLOTS, ""), "null"
        self.answers, self.refuses, self.ran = {}, {}, []
        self.after, self.before = lambda _: None, lambda _: None
        self.login_error = None

    def connect(self, private_key=None, role="ACCOUNTADMIN", **_):
        """What `snowflake.connector.connect` is replaced by. The flows' user comes with a key, a person without."""
        if private_key is not None:
            if self.login_error:
                raise self.login_error
            if public_of(private_key) not in self.keys.values():
                raise login_refused("JWT token is invalid. [1-2-3]", 390144)
        session = SimpleNamespace(close=lambda: None, role=self.role if private_key is not None else role)
        session.cursor = lambda: Cursor(self, session)
        return session

    def fingerprints(self):
        return {fingerprint(key) for key in self.keys.values() if key}

    def execute(self, sql, session):
        for beginning, said in self.refuses.items():
            if sql.startswith(beginning):
                raise ProgrammingError(msg=said, errno=3001, sqlstate="42501", done_format_msg=True)
        changes = sql.startswith(("ALTER", "CREATE", "GRANT"))
        if changes:
            self.before(sql)
        self.ran.append(sql)
        if key := re.fullmatch(r'ALTER USER "(\w+)" (?:SET (\w+) = \'(.*)\' COMMENT = \'(.*)\'|UNSET (\w+))', sql):
            assert key[1] == self.user
            if key[5]:
                self.keys[key[5]] = ""
            else:
                self.keys[key[2]], self.comment = key[3], key[4]
        if changes:
            self.after(sql)
        if sql.startswith("SELECT CURRENT_ORGANIZATION_NAME()"):
            who = {"user": self.user, "role": session.role, "warehouse": self.warehouse}
            asked = {**ACCOUNT, **who} if "CURRENT_USER" in sql else ACCOUNT
            return [asked]
        described = self.described() if sql == f'DESC USER "{self.user}"' else []
        return next((rows for beginning, rows in self.answers.items() if sql.startswith(beginning)), described)

    def described(self, **more):
        """As DESC USER tells it."""
        of_keys = {f"{slot}_FP": fingerprint(key) if key else "null" for slot, key in self.keys.items()}
        values = {"NAME": self.user, "COMMENT": self.comment, **of_keys, **more}
        return [
            {"property": name, "value": value, "default": "null", "description": ""} for name, value in values.items()
        ]


class Cursor:
    """As much of the connector's cursor as is used."""

    def __init__(self, account, session):
        self.account, self.session, self.rows = account, session, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, sql):
        self.rows = self.account.execute(sql, self.session)
        self.description = [SimpleNamespace(name=name) for name in (self.rows[0] if self.rows else {"status": ""})]

    def fetchall(self):
        return [tuple(row.values()) for row in self.rows]


def login_refused(said, code=250001):
    """What the connector raises when a login is refused."""
    message = f"Failed to connect to DB: harbour-amber.snowflakecomputing.com:443. {said}"
    return DatabaseError(msg=message, errno=code, sqlstate="08001")
