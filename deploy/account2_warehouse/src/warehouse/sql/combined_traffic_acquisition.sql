-- traffic_acquisition: each row with the property's total of its day, for shares.
INSERT INTO ga4_combined.traffic_acquisition (
  property_id, date, dimension_hash, session_default_channel_group, session_source, session_medium,
  session_campaign_name, country, sessions, engaged_sessions, total_users, active_users, new_users, event_count,
  key_events, user_engagement_duration, total_revenue, day_sessions
)
SELECT
  stored.property_id, stored.date, stored.dimension_hash, stored.session_default_channel_group,
  stored.session_source, stored.session_medium, stored.session_campaign_name, stored.country, stored.sessions,
  stored.engaged_sessions, stored.total_users, stored.active_users, stored.new_users, stored.event_count,
  stored.key_events, stored.user_engagement_duration, stored.total_revenue, day.sessions
FROM ga4_raw.traffic_acquisition AS stored
JOIN changed_days AS changed
  ON changed.property_id = stored.property_id AND changed.date = stored.date
LEFT JOIN ga4_raw.daily_totals AS day
  ON day.property_id = stored.property_id AND day.date = stored.date
