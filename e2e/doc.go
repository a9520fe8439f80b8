// Package e2e tests Ringfence from outside with real packets: two hosts, each
// with its own Open vSwitch and controller, VMs that are network namespaces,
// an external etcd and the HTTP API. It needs root, ip(8), ethtool(8), Open
// vSwitch and etcd-server; everything it starts ends with it.
package e2e
