"""Neutron's Open vSwitch firewall, as its agent has it, for cmd/bench/peers.

What runs is Neutron's own code, from the agent's side of the RPC on: SecurityGroupAgentRpc,
OVSFirewallDriver, and flows by "ovs-ofctl --bundle" as that calls it. What is not there is in
Neutron's favour: the server that it asks is a dictionary in this process, so that there are no
messages and no database, what needs root is done without a helper, and no connections are looked
for. So are two settings: see prepare().

Usage: agent.py SOCKET DATABASE BRIDGE. Of a connection to SOCKET each line is a request, a JSON
object whose member "do" is a method of Agent and whose others are its arguments; the answer is a
line, an object which has an "error" if it failed.
"""
import collections
import json
import socket
import sys
import traceback

from oslo_config import cfg

from neutron import privileged
from neutron.agent import securitygroups_rpc
from neutron.agent.common import ovs_lib
from neutron.agent.linux import ip_conntrack
from neutron.agent.linux.openvswitch_firewall import firewall
from neutron.common import config
from neutron.conf.agent import common as agent_config
from neutron.conf.agent import ovsdb_api
from neutron.plugins.ml2.drivers.openvswitch.agent.openflow import br_cookie


class Server:
    """The policy, as Neutron's server answers agents that ask for it."""

    def __init__(self):
        self.rules = collections.defaultdict(list)    # by group
        self.members = collections.defaultdict(list)  # (address, MAC), by group
        self.ports = {}

    def security_group_info_for_devices(self, _context, devices):
        ports = {d: self.ports[d] for d in devices if d in self.ports}
        groups = {g for p in ports.values() for g in p['groups']}
        named = {g: {r['remote_group_id'] for r in self.rules[g] if 'remote_group_id' in r} for g in groups}
        return {
            'devices': {d: self.device(d, p, set().union(*(named[g] for g in p['groups']))) for d, p in ports.items()},
            'security_groups': {g: self.rules[g] for g in groups},
            'sg_member_ips': {g: {'IPv4': list(self.members[g]), 'IPv6': []} for g in set().union(*named.values())},
        }

    @staticmethod
    def device(name, port, remotes):
        return {
            'device': name, 'id': name, 'mac_address': port['mac'], 'fixed_ips': [port['address']], 'allowed_address_pairs': [],
            'port_security_enabled': True, 'network_id': 'net', 'device_owner': 'compute:nova', 'security_group_rules': [],
            'security_groups': list(port['groups']), 'security_group_source_groups': list(remotes),
        }


class Agent:
    """Requests, each of which returns when the agent has the bridge obey."""

    def __init__(self, bridge):
        self.server = Server()
        self.agent = securitygroups_rpc.SecurityGroupAgentRpc(None, self.server, integration_bridge=bridge)

    def write(self, rules, members, ports):
        self.server.rules.update(rules)
        for group in members:
            self.add_group(group, members[group])
        self.server.ports = ports

    def start(self):
        self.agent.setup_port_filters(set(self.server.ports), set())

    def add_rule(self, group, rule):
        self.server.rules[group].append(rule)
        self.agent.security_groups_rule_updated([group])

    def remove_rule(self, group, rule):
        self.server.rules[group].remove(rule)
        self.agent.security_groups_rule_updated([group])

    def add_member(self, group, member):
        self.server.members[group].append(tuple(member))
        self.agent.security_groups_member_updated([group])

    def remove_member(self, group, member):
        self.server.members[group].remove(tuple(member))
        self.agent.security_groups_member_updated([group])

    def add_group(self, group, members):
        self.server.members[group] = [tuple(m) for m in members]

    # The server tells of a port's groups and of a group's members one after the other.

    def attach(self, group, port):
        self.server.ports[port]['groups'].append(group)
        self.agent.setup_port_filters(set(), {port})
        self.add_member(group, self.member(port))

    def detach(self, group, port):
        self.server.ports[port]['groups'].remove(group)
        self.agent.setup_port_filters(set(), {port})
        self.remove_member(group, self.member(port))

    def member(self, port):
        return self.server.ports[port]['address'], self.server.ports[port]['mac']


def prepare(database):
    config.register_common_config_options()
    agent_config.register_root_helper(cfg.CONF)
    cfg.CONF.import_group('OVS', 'neutron.plugins.ml2.drivers.openvswitch.agent.common.config')
    ovsdb_api.register_ovsdb_api_opts()
    cfg.CONF(['--config-file', '/dev/null'], project='neutron')
    cfg.CONF.set_override('ovsdb_connection', database, 'OVS')
    cfg.CONF.set_override('firewall_driver', 'openvswitch', 'SECURITYGROUP')
    cfg.CONF.set_override('enable_security_group', True, 'SECURITYGROUP')
    for context in vars(privileged).values():
        if hasattr(context, 'set_client_mode'):
            context.set_client_mode(False)
    ip_conntrack.OvsIpConntrackManager.delete_conntrack_state_by_remote_ips = lambda *_, **__: None
    # In Neutron's favour: flows of many ports go to the switch port by port, as large deployments
    # have it ...
    cfg.CONF.set_override('openflow_processed_per_port', True, 'OVS')
    # ... and the manager of conjunctions compares lists of ids in the same order, which upstream
    # does not, so that it makes flows anew that are there.
    compared = firewall.ConjIPFlowManager._build_addr_conj_id_map

    def in_order(self, *args):
        return {address: sorted(set(ids)) for address, ids in compared(self, *args).items()}
    firewall.ConjIPFlowManager._build_addr_conj_id_map = in_order


class Bridge(br_cookie.OVSBridgeCookieMixin, ovs_lib.OVSBridge):
    """The agent's own, without what it does besides security groups."""


def main(path, database, bridge):
    prepare(database)
    agent = Agent(Bridge(bridge))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        stream = listener.accept()[0].makefile('rw')
    for line in stream:
        request = json.loads(line)
        answer = {}
        try:
            getattr(agent, request.pop('do'))(**request)
        except Exception as e:
            traceback.print_exc()
            answer['error'] = repr(e)
        stream.write(json.dumps(answer) + '\n')
        stream.flush()


if __name__ == '__main__':
    main(*sys.argv[1:])
