"""A Snowflake account is read from every form in which people copy it, or refused at once."""

import pytest
from snowflake.connector.util_text import construct_hostname, is_valid_account_identifier

from flows.shared.snowflake_account import AccountError, read_account

NAMED, LOCATED, AZURE = "myorg-myaccount", "xy12345.eu-west-1", "xy12345.west-europe.azure"
COM = ".snowflakecomputing.com"

# What is given, the account, and the host name if it is not the account's in .com.
READ = {
    NAMED: (NAMED,),
    "MyOrg-MyAccount": (NAMED,),
    "MYORG.MYACCOUNT": (NAMED,),
    "  myorg-myaccount \n": (NAMED,),
    '"myorg-myaccount"': (NAMED,),
    "\ufeffmyorg-myaccount": (NAMED,),
    "myorg-myaccount/": (NAMED,),
    "myorg-myaccount.snowflakecomputing.com": (NAMED,),
    "myorg-myaccount.snowflakecomputing.com.snowflakecomputing.com": (NAMED,),
    "MYORG-MYACCOUNT.SNOWFLAKECOMPUTING.COM": (NAMED,),
    "https://myorg-myaccount.snowflakecomputing.com": (NAMED,),
    "https://myorg-myaccount.snowflakecomputing.com/": (NAMED,),
    "https://myorg-myaccount.snowflakecomputing.com:443/console/login#/": (NAMED,),
    "http://myorg-myaccount.snowflakecomputing.com": (NAMED,),
    "jdbc:snowflake://myorg-myaccount.snowflakecomputing.com/?db=RAW&warehouse=LOADING": (NAMED,),
    "myorg-myaccount.privatelink": ("myorg-myaccount.privatelink",),
    "https://myorg-myaccount.privatelink.snowflakecomputing.com": ("myorg-myaccount.privatelink",),
    "myorg-myaccount.snowflakecomputing.cn": (NAMED, "myorg-myaccount.snowflakecomputing.cn"),
    "myorg-my_account": ("myorg-my_account", "myorg-my-account" + COM),
    "MYORG.MY_ACCOUNT": ("myorg-my_account", "myorg-my-account" + COM),
    "https://myorg-my_account.privatelink.snowflakecomputing.com": (
        "myorg-my_account.privatelink",
        "myorg-my-account.privatelink" + COM,
    ),
    "https://app.snowflake.com/myorg/myaccount": (NAMED,),
    "https://app.snowflake.com/MYORG/MYACCOUNT/#/homepage": (NAMED,),
    "app.snowflake.com/myorg/my_account/w1abc#query": ("myorg-my_account", "myorg-my-account" + COM),
    "https://app.snowflake.com/eu-west-1/xy12345/#/data": (LOCATED,),
    "https://app.snowflake.com/west-europe.azure/xy12345": (AZURE,),
    "xy12345": ("xy12345",),
    LOCATED: (LOCATED,),
    "XY12345.EU-WEST-1": (LOCATED,),
    "https://xy12345.eu-west-1.snowflakecomputing.com/": (LOCATED,),
    "xy12345.us-west-2": ("xy12345",),
    "xy12345.us-west-2.privatelink": ("xy12345.us-west-2.privatelink",),
    "xy12345.us-east-2.aws": ("xy12345.us-east-2.aws",),
    "xy12345.us-gov-west-1.fhplus.aws": ("xy12345.us-gov-west-1.fhplus.aws",),
    AZURE: (AZURE,),
    "https://xy12345.west-europe.azure.snowflakecomputing.com": (AZURE,),
    "xy12345.west-europe.azure.privatelink": ("xy12345.west-europe.azure.privatelink",),
    "xy12345.us-central1.gcp": ("xy12345.us-central1.gcp",),
    "xy12345.cn-northwest-1.aws": (
        "xy12345.cn-northwest-1.aws",
        "xy12345.cn-northwest-1.aws.snowflakecomputing.cn",
    ),
}
REFUSED = {
    "": "an empty text",
    " \n": "an empty text",
    "https://": "an address that is not Snowflake's",
    "my org-account": "a text with blanks or signs",
    "somebody:hunter2@myorg-myaccount.snowflakecomputing.com": "a text with blanks or signs",
    "M" + "IIE" * 40: "a text with blanks or signs",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----": "a text with blanks or signs",
    "snowflakecomputing.com": "an address without an account",
    "https://app.snowflake.com": "a link to Snowflake's pages without an account",
    "https://app.snowflake.com/myorg": "a link to Snowflake's pages without an account",
    "https://example.com/myorg-myaccount": "an address that is not Snowflake's",
    "myorg-myaccount.snowflake.com": "an address without an account, or one that is not Snowflake's",
    "xy12345.azure": "a cloud without its region",
    "xy12345.west-europe": "a region without its cloud",
    "xy12345.us-central1": "a region without its cloud",
    "xy12345.west-europe.somewhere": "3 parts between dots",
    "xy12345.west-europe.privatelink.azure": "4 parts between dots",
}


@pytest.mark.parametrize("text", READ)
def test_every_form_is_read_as_the_account_and_the_host_of_its_address(text):
    account = read_account(text)
    name, *host = READ[text]
    assert account == (name, *(host or [name + COM]))


@pytest.mark.parametrize("text", REFUSED)
def test_what_names_no_account_is_refused_in_one_sentence_that_does_not_repeat_it(text):
    with pytest.raises(AccountError) as caught:
        read_account(text)
    message = str(caught.value)
    assert message.startswith(f"SNOWFLAKE_ACCOUNT: got {REFUSED[text]}")
    assert "; expected organization and account as `myorg-myaccount`" in message
    assert not {"hunter2", "MIIEvQIBADANBgkq", "IIEIIE", "example"} & set(message.replace("@", " ").split())


@pytest.mark.parametrize("text", READ)
def test_the_connector_takes_the_name_and_would_make_the_same_host_of_it(text):
    name, host = read_account(text)
    assert is_valid_account_identifier(name)
    made = construct_hostname(None, name).replace("_", "-")
    # It knows the domain .cn by the region only.
    assert host.removesuffix(".cn").removesuffix(".com") == made.removesuffix(".cn").removesuffix(".com")
