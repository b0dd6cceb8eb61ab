"""What several flows use: settings, S3, Snowflake, watermarks, metrics, data sets."""
