import assert from 'node:assert/strict'
import {test} from 'node:test'

import type {Trace} from '../api/types'
import {addDrops, emptyDropLog} from './drops'
import {drop, group, nic, rule} from './fixtures'
import {merged, parseRules} from './importer'
import {formFaults, formOf, newRule, writeOf} from './ruleform'
import {highest, lastHour, total} from './series'
import {sseParser} from './sse'
import {emptyTrace, proposal, traceFromQuery, traceQuery} from './trace'

test('a rule survives the form', () => {
  const r = rule({id: 'r', group: 'g', port_min: 8000, port_max: 8999, remote_cidr: '10.0.0.0/8', family: 'ipv4', description: 'x'})
  assert.deepEqual(writeOf(formOf(r)), {
    direction: 'ingress', protocol: 'tcp', port_min: 8000, port_max: 8999, icmp_type: null, icmp_code: null, remote_cidr: '10.0.0.0/8', remote_group: null, description: 'x', enabled: true,
  })
  assert.equal(writeOf({...newRule, ports: '70000'}).port_min, 70000, 'what is out of range is for the API to refuse')
  assert.deepEqual(Object.keys(formFaults({...newRule, ports: 'https'})), ['ports'])
})

test('rules from CSV and JSON, with groups by name, and every fault by its line', () => {
  const groups = [group('id-1', [], {name: 'web'})]
  const csv = parseRules('direction,protocol,ports,group,description\ningress,tcp,443-444,web,"a, b"\ningress,tcp,x,web,\n', groups)
  assert.equal(csv.rules[0]!.remote_group, 'id-1')
  assert.equal(csv.rules[0]!.description, 'a, b')
  assert.deepEqual([csv.rules[0]!.port_min, csv.rules[0]!.port_max], [443, 444])
  assert.match(csv.faults.join(), /^line 3: ports "x"/)
  assert.match(parseRules('direction,proto\n', groups).faults.join(), /unknown column proto/)
  assert.equal(parseRules('{"rules":[{"direction":"egress","protocol":"all","remote_group":"web","group":"of another"}]}', groups).rules[0]!.remote_group, 'id-1')
})

test('an import adds what is new by content, or replaces', () => {
  const old = [rule({id: 'r1', group: 'g', remote_group: 'web'})]
  const added = [writeOf({...newRule, ports: '443', group: 'web', description: 'again'}), writeOf({...newRule, ports: '22', group: 'web'})]
  assert.deepEqual(merged(old, added, false).map((r) => [r.id, r.port_min]), [['r1', 443], [undefined, 22]])
  assert.equal(merged(old, added, true).length, 2)
})

test('drops add up over answers that repeat themselves', () => {
  const list = (items: ReturnType<typeof drop>[]) => ({items, totals: [], hosts: [], until: null, rate: 100})
  let {log, fresh} = addDrops(emptyDropLog, list([drop({count: 2})]))
  assert.equal(fresh[0]!.count, 2)
  ;({log, fresh} = addDrops(log, list([drop({count: 2}), drop({count: 1, source_port: 40001})])))
  assert.deepEqual(fresh.map((f) => f.count), [1])
  assert.deepEqual(log.rows.map((r) => r.seen), [3], 'another source port is the same client again')
})

test('an hour tells what is not known from nothing', () => {
  const at = (t: number) => new Date(t * 1000).toISOString()
  const point = {connections: null, lag_seconds: 0, silent_hosts: 0}
  const a = {since: at(3000), step_seconds: 30, points: [{at: at(3000), drops: 0, ...point}, {at: at(3030), drops: null, ...point}, {at: at(3060), drops: 5, ...point}]}
  const drops = lastHour(a, (p) => p.drops, 3075)
  assert.equal(drops.length, 120)
  assert.deepEqual(drops.slice(-4), [{t: 2970, v: null}, {t: 3000, v: 0}, {t: 3030, v: null}, {t: 3060, v: 5}])
  assert.deepEqual([total(drops), highest(drops)], [5, 5])
  const connections = lastHour(a, (p) => p.connections, 3075)
  assert.deepEqual([total(connections), highest(connections), total(lastHour(undefined, (p) => p.drops, 3075))], [null, null, null])
})

test('events in pieces', () => {
  const parse = sseParser()
  assert.deepEqual(parse(':beat\n\nid: 7\nevent: cha'), [])
  assert.deepEqual(parse('nge\ndata: {"a":\ndata: 1}\n\n'), [{id: '7', event: 'change', data: '{"a":\n1}'}])
})

test('the link of a trace asks the same again, and never probes', () => {
  const f = {...emptyTrace, from: 'web-1', to: '10.0.0.2', port: '5432', probe: true}
  assert.deepEqual(traceFromQuery(traceQuery(f)), {...f, probe: false})
})

test('the rule that would allow a packet names the group of the other end, or its address', () => {
  const nics = [nic('web-1', '10.0.0.1', ['default', 'web']), nic('db-1', '10.0.0.2', ['db'])]
  const leg = {direction: 'ingress', nic: 'db-1', host: 'h1', hidden: false, policy: {verdict: 'deny', reason: 'no-rule', nearest: null}, datapath: {verdict: 'deny'}} as unknown as Trace['legs'][number]
  const trace = (source: string) => ({legs: [leg], packet: {family: 'ipv4', source, destination: '10.0.0.2', protocol: 'tcp', source_port: 1, port: 5432, icmp_type: 0, icmp_code: 0}}) as unknown as Trace
  const isDefault = (id: string) => id === 'default'
  const near = proposal(trace('10.0.0.1'), leg, nics, isDefault)!
  assert.deepEqual([near.group, near.rule.remote_group, near.rule.remote_cidr, near.rule.port_min], ['db', 'web', null, 5432])
  assert.equal(proposal(trace('192.0.2.9'), leg, nics, isDefault)!.rule.remote_cidr, '192.0.2.9/32')
  assert.equal(proposal(trace('10.0.0.1'), {...leg, policy: {...leg.policy, reason: 'spoofed'}}, nics, isDefault), null)
})
