"""Private MariaDB, PostgreSQL and Redis: loopback only, random passwords, data in the folder they are given."""
