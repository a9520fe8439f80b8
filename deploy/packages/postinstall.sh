#!/bin/sh
# After installation and upgrade, of deb ("configure", then the former version, if
# there was one) and rpm (1: first, 2: upgrade). The service is not started for the
# first time; one that runs goes on with the new version.
set -e
if [ -e /usr/lib/sysusers.d/@SERVICE@.conf ]; then
	systemd-sysusers @SERVICE@.conf
	systemd-tmpfiles --create @SERVICE@.conf || true # where there is no /proc
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ "$1" = configure ] && [ -n "$2" ] || [ "$1" = 2 ]; then
		systemctl try-restart @SERVICE@.service
	fi
fi
