// Package debug is the commands under "Debug" in the help: what becomes of packets, and what is in the switches.
package debug
