"""Which failures a network task tries again, by code. docs/retries.md shows these tables, and a test compares both."""

from typing import NamedTuple


class Code(NamedTuple):
    """A code, whether another attempt can succeed, and what the code means."""

    code: str
    is_retried: bool
    meaning: str


# Snowflake's codes as its messages begin with them. 25… are the connector's own; 290… are 290000 and the HTTP status,
# read as such. Every other code is not retried, but SQLSTATE 40… (the transaction was rolled back by Snowflake).
SNOWFLAKE = (
    Code("000603", True, "internal error, such as `Processing aborted by error 300010`"),
    Code("000625", True, "lock time-out, or too many statements wait for the lock"),
    Code("090232", True, "transaction was aborted"),
    Code("390110", True, "id token expired"),
    Code("390111", True, "session is gone"),
    Code("390112", True, "session expired"),
    Code("390113", True, "master token is not found"),
    Code("390114", True, "authentication token expired"),
    Code("390115", True, "master token is not valid"),
    Code("390318", True, "OAuth access token expired"),
    Code("250001", False, "login refused; retried as OperationalError, when Snowflake was not reached"),
    Code("250002", True, "connection is closed"),
    Code("250003", True, "request failed after the connector's own attempts; not as NonRetryableTlsError"),
    Code("250005", True, "server failed"),
    Code("251011", True, "connection timed out during login"),
    Code("251012", True, "login answered with a status that may pass"),
    Code("252007", True, "session could not be renewed"),
    Code("252010", True, "part of a result was not downloaded"),
    Code("252013", True, "part of a result arrived incomplete"),
    Code("253002", True, "download from a stage failed"),
    Code("253003", True, "upload to a stage failed"),
    Code("253009", True, "stage could not be looked at"),
    Code("000604", False, "statement was canceled by a person or by the connector's time limit"),
    Code("000630", False, "statement reached its time limit; it would again"),
    Code("000606", False, "no active warehouse"),
    Code("000904", False, "invalid identifier"),
    Code("001003", False, "syntax error"),
    Code("002003", False, "object does not exist, or the role may not see it"),
    Code("003001", False, "insufficient privileges"),
    Code("090073", False, "resource monitor's quota is used up"),
    Code("100038", False, "value cannot be converted"),
    Code("100072", False, "null in a column that takes none"),
    Code("390100", False, "user, password or key is wrong"),
    Code("390102", False, "user is locked for some minutes"),
    Code("390144", False, "JWT is not valid: the public key, the user or the account differs"),
    Code("390422", False, "address is not allowed by a network policy"),
    Code("251001", False, "account's name is not valid"),
)

# AWS's codes. Any other code goes by its HTTP status.
AWS = (
    Code("SlowDown", True, "S3 throttles"),
    Code("Throttling", True, "throttled"),
    Code("ThrottlingException", True, "throttled"),
    Code("ThrottledException", True, "throttled"),
    Code("RequestThrottled", True, "throttled"),
    Code("RequestThrottledException", True, "throttled"),
    Code("RequestLimitExceeded", True, "throttled"),
    Code("BandwidthLimitExceeded", True, "throttled"),
    Code("TooManyRequestsException", True, "throttled"),
    Code("ProvisionedThroughputExceededException", True, "throttled"),
    Code("RequestTimeout", True, "connection stood still"),
    Code("RequestTimeoutException", True, "connection stood still"),
    Code("OperationAborted", True, "another operation on the same object was running"),
    Code("ConditionalRequestConflict", True, "another write of the same object was running"),
    Code("ExpiredToken", True, "credentials expired; another attempt gets new ones"),
    Code("ExpiredTokenException", True, "credentials expired; another attempt gets new ones"),
    Code("RequestExpired", True, "signature expired"),
    Code("NoSuchKey", False, "no such object"),
    Code("NoSuchBucket", False, "no such bucket"),
    Code("AccessDenied", False, "role may not do it"),
    Code("InvalidObjectState", False, "object is archived"),
)

# HTTP's statuses, of whatever library: `290503`, a ClientError of AWS, an HTTPStatusError of httpx. Others are not.
HTTP = (
    Code("408", True, "request timed out"),
    Code("429", True, "too many requests"),
    Code("5xx", True, "server failed"),
)

# Errors without a code, by the name of their class or of the nearest class that it inherits from. None of a
# library's errors is imported for that: a copy inside another library (urllib3, requests) has the same names.
CLASSES = (
    Code("ConnectionError", True, "connection refused, reset or dropped (Python, requests, botocore, redis)"),
    Code("TimeoutError", True, "time-out (Python, Prefect's limit of a task, urllib3)"),
    Code("Timeout", True, "time-out (requests)"),
    Code("TransportError", True, "connection lost or timed out (httpx)"),
    Code("gaierror", True, "host's name was not found"),
    Code("SSLEOFError", True, "TLS connection dropped"),
    Code("SSLZeroReturnError", True, "TLS connection closed"),
    Code("IncompleteRead", True, "answer ended early (http.client, urllib3)"),
    Code("BadStatusLine", True, "answer was cut off (http.client)"),
    Code("ProtocolError", True, "connection broken (urllib3)"),
    Code("NewConnectionError", True, "no connection (urllib3)"),
    Code("ChunkedEncodingError", True, "answer ended early (requests)"),
    Code("ConnectionClosedError", True, "connection closed (botocore)"),
    Code("ReadTimeoutError", True, "time-out (botocore, urllib3)"),
    Code("ResponseStreamingError", True, "answer ended early (botocore)"),
    Code("IncompleteReadError", True, "answer ended early (botocore, asyncio)"),
    Code("CredentialRetrievalError", True, "credentials were not answered (botocore)"),
    Code("RetriesExceededError", True, "download failed after its own attempts (s3transfer)"),
    Code("RequestExceedMaxRetryError", True, "transfer failed after its own attempts (Snowflake's connector)"),
    Code("TokenExpiredError", True, "stage's credentials expired (Snowflake's connector)"),
    Code("PresignedUrlExpiredError", True, "stage's address expired (Snowflake's connector)"),
    Code("BadGatewayError", True, "Snowflake answered 502"),
    Code("ServiceUnavailableError", True, "Snowflake answered 503"),
    Code("ForbiddenError", False, "Snowflake answered 403: the account's name is wrong"),
    Code("NonRetryableTlsError", False, "certificate or TLS version does not fit"),
    Code("SSLCertVerificationError", False, "certificate is not valid"),
    Code("UnsupportedProtocol", False, "address is wrong (httpx)"),
)
