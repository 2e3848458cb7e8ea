#!/bin/sh
# agree.py where there are Python and numpy.   run.sh LINNET
command -v python3 >/dev/null || { echo "skipped: python3 is missing"; exit 77; }
python3 -c 'import numpy' 2>/dev/null || { echo "skipped: numpy for python3 is missing"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 exec python3 "$(dirname "$0")/agree.py" "$1"
