#!/bin/sh
# Before removal (deb: "remove", rpm: 0), not before an upgrade.
set -e
if [ "$1" = remove ] || [ "$1" = 0 ]; then
	if [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now @SERVICE@.service
	else
		rm -f /etc/systemd/system/multi-user.target.wants/@SERVICE@.service
	fi
fi
