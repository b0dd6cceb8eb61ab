SELECT counted, loaded
FROM
    (SELECT SUM(planes) AS counted FROM {{ ref('fleet_by_maker') }}),
    (SELECT COUNT(*) AS loaded FROM {{ ref('planes_with_maker') }})
WHERE counted <> loaded
