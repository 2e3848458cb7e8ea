#!/bin/sh
# agree.py where there are Python and numpy.   run.sh LINNET
. "$(dirname "$0")/../needs.sh"
need python3
python3 -c 'import numpy' 2>/dev/null || skip "numpy for python3 is missing"
PYTHONDONTWRITEBYTECODE=1 exec python3 "$(dirname "$0")/agree.py" "$1"
