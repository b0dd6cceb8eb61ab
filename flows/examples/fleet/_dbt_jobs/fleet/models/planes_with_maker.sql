-- The register writes some makers in several ways.
SELECT
    tailnum,
    year,
    seats,
    CASE
        WHEN manufacturer LIKE 'AIRBUS%' THEN 'AIRBUS'
        WHEN manufacturer LIKE 'MCDONNELL DOUGLAS%' THEN 'MCDONNELL DOUGLAS'
        ELSE manufacturer
    END AS maker
FROM {{ source('LOADED', 'PLANES') }}
