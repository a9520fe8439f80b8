#!/bin/sh
# After removal. Certificates, keys and tokens that somebody has put into
# /etc/ringfence stay, also after a purge, and so does the user ringfence.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
