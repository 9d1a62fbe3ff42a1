"""What a restart of the local stack has to make up for: the emulated S3 and SQS forget everything when they stop.

In an account neither forgets: there an unload whose notification was lost is still in the bucket.
"""

from deploy.local.follow import connect
from deploy.local.redshift.provision import Warehouse
from deploy.local.servers.mariadb import MariadbServer

_LOADED = "SELECT property_id, report_id, date, generation FROM report_partition"
_UNLOADED = """
SELECT property_id, report_id, date, generation FROM ga4_ops.partitions WHERE unload_run_id IS NOT NULL
"""
_FORGET = """
UPDATE ga4_ops.partitions SET unload_run_id = NULL, unloaded_at = NULL
WHERE property_id = %s AND report_id = %s AND date = %s AND generation = %s
"""


def forget_lost_unloads(warehouse: Warehouse, mariadb: MariadbServer) -> int:
    """Let the warehouse unload again what it unloaded and MySQL never got; return how many partitions."""
    with connect(mariadb) as session, session.cursor() as cursor:
        cursor.execute(_LOADED)
        loaded = set(cursor.fetchall())
    with warehouse.postgres.connect(warehouse.database) as admin:
        if admin.execute("SELECT to_regclass('ga4_ops.partitions')").fetchone() == (None,):
            return 0
        lost = [row for row in admin.execute(_UNLOADED).fetchall() if row not in loaded]
        with admin.cursor() as cursor:
            cursor.executemany(_FORGET, lost)
    return len(lost)
