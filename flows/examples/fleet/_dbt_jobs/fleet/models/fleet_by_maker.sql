{{ config(materialized='table') }}

SELECT
    maker,
    COUNT(*) AS planes,
    SUM(seats) AS seats,
    MIN(year) AS first_year,
    MAX(year) AS last_year
FROM {{ ref('planes_with_maker') }}
GROUP BY maker
