// Groups, rules, NICs and drops for tests.
import type {Drop, Group, NIC, Rule} from '../api/types'

export const rule = (r: Partial<Rule> & {id: string; group: string}): Rule => ({
  direction: 'ingress', family: 'any', protocol: 'tcp', port_min: 443, port_max: 443, icmp_type: null, icmp_code: null, remote_cidr: null, remote_group: null, description: '',
  enabled: true, origin: 'user', inert: null, revision: 1, ...r,
})

export const group = (id: string, rules: Rule[] = [], more: Partial<Group> = {}): Group => ({
  id, account: 'acme', name: id, description: '', tags: {}, is_default: false, egress_policy: 'auto', egress_restricts: false, network_scope: 'any', networks: [], rules, shares: [],
  created_at: '', updated_at: '', revision: 1, ...more,
})

export const nic = (id: string, address: string, groups: string[], more: Partial<NIC> = {}): NIC => ({
  id, account: 'acme', instance: null, network: 'net-1', mac: '', addresses: [address], allowed_addresses: [], enforcement: 'on', dhcp_server: false, hosts: [],
  effective_groups: groups.map((g) => ({id: g, via: 'nic' as const, implicit: false})), egress_restricted: false, because: null, host: 'h1', ready: true, realized_revision: 1,
  conflict: null, warnings: [], revision: 1, ...more,
})

export const drop = (d: Partial<Drop> = {}): Drop => ({
  host: 'h1', nic: 'db-1', direction: 'ingress', reason: 'no-rule', detail: '', source_mac: null, destination_mac: null, vlan: null, ether_type: null, family: 'ipv4', source: '10.0.0.1',
  destination: '10.0.0.2', protocol: 'tcp', source_port: 40000, port: 5432, icmp_type: 0, icmp_code: 0, fragment: false, count: 1, first_seen: '2026-01-01T00:00:00Z',
  last_seen: '2026-01-01T00:00:00Z', ...d,
})
