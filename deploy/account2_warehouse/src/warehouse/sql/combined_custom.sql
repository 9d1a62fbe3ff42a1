-- Custom reports: their slots as they were delivered.
INSERT INTO ga4_combined.custom (
  property_id, report_id, date, dimension_hash, d1, d2, d3, d4, d5, d6, d7, d8, d9, m1, m2, m3, m4, m5, m6, m7, m8,
  m9, m10
)
SELECT
  stored.property_id, stored.report_id, stored.date, stored.dimension_hash, stored.d1, stored.d2, stored.d3,
  stored.d4, stored.d5, stored.d6, stored.d7, stored.d8, stored.d9, stored.m1, stored.m2, stored.m3, stored.m4,
  stored.m5, stored.m6, stored.m7, stored.m8, stored.m9, stored.m10
FROM ga4_raw.custom AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.report_id = stored.report_id AND changed.date = stored.date
