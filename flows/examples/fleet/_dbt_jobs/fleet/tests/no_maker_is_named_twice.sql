SELECT maker FROM {{ ref('fleet_by_maker') }} GROUP BY maker HAVING COUNT(*) > 1
