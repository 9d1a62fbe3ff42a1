"""What Lambda's python3.13 on Amazon Linux 2023 brings itself.

Sources. The image's packages: https://github.com/amazonlinux/amazon-linux-2023/issues/585 (the list printed from
public.ecr.aws/lambda/python:3.12, on the same system: glibc 2.34, libgcc and libstdc++ of GCC 11, zlib). The highest
versions of GCC 11's symbols: https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html. The search path of libraries:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (LD_LIBRARY_PATH).
"""

from typing import Final

# Wheels need no others: https://peps.python.org/pep-0599/#the-manylinux2014-policy names what a wheel may expect.
LIBRARIES: Final = frozenset(
    {
        "ld-linux-x86-64.so.2",
        "libc.so.6",
        "libdl.so.2",
        "libgcc_s.so.1",
        "libm.so.6",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libstdc++.so.6",
        "libutil.so.1",
        "libz.so.1",
    }
)

# The newest version of each set of symbols that these libraries have.
NEWEST_SYMBOLS: Final = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)}

# Unzipped bytes of a function with its layers. Lambda refuses more than 250 MB; the rest is room to grow.
LARGEST_BYTES: Final = 200_000_000

# What a cold start may take to import: seconds of the processor, on the machine that builds.
LONGEST_IMPORT_SECONDS: Final = 1.0
