import assert from 'node:assert/strict'
import {test} from 'node:test'

import type {Matrix, OtherEnd} from '../api/types'
import {clustered, maxNodes} from './cluster'
import {edgeKey, edgeLabel, kindOf, neighbourhood, observe, pictureOf, withoutDefaults} from './edges'
import {drop, group, nic, rule} from './fixtures'
import {layout, nodeHeight} from './layout'
import {judged, standingOf} from './standing'

const all = {service: '', direction: '' as const, network: ''}
const groups = [
  group('web', [rule({id: 'r1', group: 'web', remote_cidr: '0.0.0.0/0'}), rule({id: 'r0', group: 'web', remote_group: 'web', origin: 'default', protocol: 'all', port_min: null, port_max: null})]),
  group('api', [rule({id: 'r2', group: 'api', remote_group: 'web', port_min: 8000, port_max: 8999})]),
  group('db', [
    rule({id: 'r3', group: 'db', remote_group: 'api', port_min: 5432, port_max: 5432}),
    rule({id: 'r4', group: 'db', remote_group: 'web', enabled: false}),
    rule({id: 'r5', group: 'db', direction: 'egress', remote_cidr: '10.9.0.0/16'}),
  ]),
]
const nics = [nic('web-1', '10.0.0.1', ['web']), nic('db-1', '10.0.0.2', ['db'])]

test('rules are edges in the direction of what they allow', () => {
  const p = pictureOf(groups, nics, all)
  assert.deepEqual(p.edges.map((e) => e.key).sort(), ['any web', 'api db', 'db cidr:10.9.0.0/16', 'web api', 'web web'])
  assert.deepEqual(withoutDefaults(p).edges.map((e) => e.key).includes('web web'), false)
})

test('filters: a port within a range, a direction, a network', () => {
  assert.deepEqual(pictureOf(groups, nics, {...all, service: 'tcp 8080'}).edges.map((e) => e.key).sort(), ['web api', 'web web'])
  assert.deepEqual(pictureOf(groups, nics, {...all, direction: 'egress'}).edges.map((e) => e.key), ['db cidr:10.9.0.0/16'])
  assert.deepEqual(pictureOf(groups, nics, {...all, network: 'net-2'}).edges, [])
})

test('a drop is an edge between the groups of its ends, also where no rule is', () => {
  const p = observe(pictureOf(groups, nics, all), nics, [], [{drop: drop(), seen: 3}, {drop: drop({source: '192.0.2.1'}), seen: 1}, {drop: drop({reason: 'guard'}), seen: 9}], all)
  const e = p.edges.find((x) => x.key === edgeKey('web', 'db'))!
  assert.equal(e.rules.length, 0)
  assert.deepEqual(e.drops.map((d) => d.seen), [3])
  assert.deepEqual(p.edges.find((x) => x.key === edgeKey('any', 'db'))!.drops.map((d) => d.seen), [1])
})

test('drops are filtered as rules are', () => {
  const seen = [{drop: drop({protocol: 'tcp', port: 5432}), seen: 3}]
  const drawn = (filter: Partial<typeof all> & {direction?: '' | 'ingress' | 'egress'}) =>
    observe({nodes: pictureOf(groups, nics, all).nodes, edges: []}, nics, [], seen, {...all, ...filter}).edges.length
  assert.deepEqual([drawn({}), drawn({service: 'tcp 5432'}), drawn({service: '5432'}), drawn({direction: seen[0]!.drop.direction})], [1, 1, 1, 1])
  assert.deepEqual([drawn({service: 'udp 9'}), drawn({service: 'tcp 22'}), drawn({direction: seen[0]!.drop.direction === 'ingress' ? 'egress' : 'ingress'})], [0, 0, 0])
})

test('the neighbourhood of a group does not lead through "anywhere"', () => {
  const p = pictureOf([...groups, group('lone', [rule({id: 'r9', group: 'lone', remote_cidr: '0.0.0.0/0'})])], nics, all)
  assert.deepEqual(neighbourhood(p, 'web', 3).nodes.map((n) => n.id).sort(), ['any', 'api', 'cidr:10.9.0.0/16', 'db', 'web'])
  assert.deepEqual(neighbourhood(p, 'db', 1).edges.map((e) => e.key).sort(), ['api db', 'db cidr:10.9.0.0/16'])
})

const many = Array.from({length: 500}, (_, i) =>
  group(`team${i % 25}-svc-${i}`, [rule({id: `r${i}`, group: `team${i % 25}-svc-${i}`, remote_group: `team${(i + 1) % 25}-svc-${(i + 1) % 500}`})]),
)

test('500 groups are drawn as few, and what is opened stays apart', () => {
  const p = pictureOf(many, [], all)
  const c = clustered(p, new Set())
  assert.ok(c.nodes.length <= maxNodes, `${c.nodes.length} nodes`)
  assert.equal(c.edges.reduce((n, e) => n + e.rules.length, 0), 500, 'no rule is lost')
  assert.equal(clustered(p, new Set(['cluster:team0-svc'])).nodes.length, c.nodes.length + 19)
})

test('no two nodes are laid out over each other, and cycles end', () => {
  for (const p of [pictureOf(groups, nics, all), clustered(pictureOf(many, [], all), new Set()), pictureOf(many, [], all)]) {
    const {places} = layout(p)
    const nodes = p.nodes.map((n) => places.get(n.id)!)
    assert.ok(nodes.every(Boolean))
    assert.ok(nodes.every((a) => nodes.every((b) => a === b || a.x !== b.x || Math.abs(a.y - b.y) >= nodeHeight)))
  }
})

test('an edge stands as the other end lets pass, the best rule counting', () => {
  const end = (o: Partial<OtherEnd>): OtherEnd => ({nics: 3, allowed: 0, partly: 0, blocked: 0, apart: 0, unrestricted: 0, rules: [], ...o})
  assert.equal(standingOf(end({blocked: 2, apart: 1})), 'blocked')
  assert.equal(standingOf(end({allowed: 2, blocked: 1})), 'partly')
  assert.equal(standingOf(end({allowed: 3})), 'open')
  assert.equal(standingOf(end({apart: 3})), 'unknown', 'they never meet')
  assert.equal(standingOf(null), 'unknown')
  const entry = (rule: string, other_end: OtherEnd) => ({group: 'db', rule, other_end})
  const p = judged(pictureOf(groups, nics, all), {entries: [entry('r3', end({blocked: 3}))]} as unknown as Matrix)
  assert.equal(kindOf(p.edges.find((e) => e.key === 'api db')!), 'blocked')
  assert.equal(kindOf(p.edges.find((e) => e.key === 'web api')!), 'rule')
})

test('a label has what there is room for between two boxes', () => {
  const rules = (...ports: number[]) => ports.map((port) => rule({id: `r${port}`, group: 'db', protocol: 'tcp', port_min: port, port_max: port}))
  assert.equal(edgeLabel(rules(443, 80)), 'tcp 443, 80')
  assert.equal(edgeLabel(rules(443, 80, 22)), 'tcp 443, 80 +1')
  assert.equal(edgeLabel(rules(8000, 8001, 8002)), 'tcp 8000 +2')
  assert.equal(edgeLabel([...rules(443), ...rules(53).map((r) => ({...r, protocol: 'udp'}))]), 'tcp 443, udp 53')
})
