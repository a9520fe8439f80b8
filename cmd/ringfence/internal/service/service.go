// Package service tells systemd how a server is (sd_notify(3)): that it is ready,
// reloads, stops, how it does in a line for "systemctl status", and that it is
// alive, for the watchdog. Of a process that systemd has not started it does
// nothing.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// statusEvery is how often the line is looked at.
const statusEvery = time.Second

// Manager is systemd, or nobody.
type Manager struct {
	log      *slog.Logger
	watchdog time.Duration // without a sign of life for so long the process is killed; 0: no watchdog
}

// New looks into the environment whether systemd has started the process.
func New(log *slog.Logger) *Manager {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog will not hear of this process", "error", err)
	}
	return &Manager{log, watchdog}
}

// Started says that the service has started, and in a line for people how it does:
// who looks as soon as it has started sees that, too.
func (m *Manager) Started(status string) { m.tell(daemon.SdNotifyReady + "\nSTATUS=" + status) }

// Reloaded says that the settings have been read again.
func (m *Manager) Reloaded() { m.tell(daemon.SdNotifyReady) }

// Reloading says that the service reads its settings again, until Reloaded.
func (m *Manager) Reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		m.log.Debug("no monotonic clock", "error", err)
		return
	}
	m.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/int64(time.Microsecond)))
}

// Stopping says that the service ends.
func (m *Manager) Stopping() { m.tell(daemon.SdNotifyStopping) }

func (m *Manager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.log.Warn("systemd was not told", "state", state, "error", err)
	}
}

// Run keeps the line for people up to date and gives the watchdog its signs of
// life until ctx ends: one whenever alive has returned nil. While alive does not
// return, or has an error, there is none.
func (m *Manager) Run(ctx context.Context, status func() string, alive func(context.Context) error) {
	if m.watchdog > 0 {
		go m.feed(ctx, alive)
	}
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	said := ""
	for {
		if now := status(); now != said {
			said = now
			m.tell("STATUS=" + now)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Manager) feed(ctx context.Context, alive func(context.Context) error) {
	tick := time.NewTicker(m.watchdog / 3)
	defer tick.Stop()
	for {
		if err := alive(ctx); err == nil {
			m.tell(daemon.SdNotifyWatchdog)
		} else if ctx.Err() == nil {
			m.log.Error("no sign of life for systemd's watchdog", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
