// Package platform is the commands under "Platform" in the help: what the platform tells Ringfence of networks, instances and NICs.
package platform
