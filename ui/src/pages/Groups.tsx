import {useMemo, useState} from 'react'
import {Link, useLocation} from 'wouter'

import {useAccountPage, useWho} from '../api/account'
import {useGroups, useNICs} from '../api/queries'
import type {Group, Rule} from '../api/types'
import {Badge} from '../components/Badge'
import {SearchBox} from '../components/Field'
import {GroupCreate} from '../components/GroupCreate'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {bareService, type NameOf, remoteText, ruleText} from '../lib/service'
import {common, groups as t} from '../texts'

const fits = (g: Group, q: string, nameOf: NameOf) =>
  [g.name, g.id, g.description, ...Object.entries(g.tags).map(([k, v]) => `${k}=${v}`), ...g.rules.map((r) => `${ruleText(r, nameOf)} ${r.description}`)]
    .some((s) => s.toLowerCase().includes(q))

/** The groups of the account, with what each lets in at a glance. */
export function Groups() {
  const {account, path, nameOf} = useAccountPage()
  const {rights} = useWho()
  const list = useGroups(account)
  const nics = useNICs(account)
  const [query, setQuery] = useState('')
  const [creating, setCreating] = useState(false)
  const [shown, setShown] = useState(100)
  const [, go] = useLocation()
  const counts = useMemo(() => {
    const m = new Map<string, number>()
    for (const n of nics.data?.items ?? []) for (const g of n.effective_groups) m.set(g.id, (m.get(g.id) ?? 0) + 1)
    return m
  }, [nics.data])
  const q = query.trim().toLowerCase()
  const items = useMemo(
    () => (list.data?.items ?? []).filter((g) => !q || fits(g, q, nameOf)).sort((a, b) => Number(a.is_default) - Number(b.is_default) || a.name.localeCompare(b.name)),
    [list.data, q, nameOf],
  )
  const create = rights.write && (
    <button className="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> {t.create}
    </button>
  )
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        <SearchBox value={query} onChange={setQuery} label={t.filter} />
        {create}
      </PageHead>
      <ProblemNote error={list.error} />
      <Truncated of={[account, 'groups']} />
      {!list.data ? (
        !list.error && <Loading />
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.name, t.columns.ingress, t.columns.egress, t.columns.rules, t.columns.nics, t.columns.tags]}>
            {items.slice(0, shown).map((g) => (
              <tr key={g.id}>
                <td>
                  <Link className="strong" href={path(`groups/${encodeURIComponent(g.id)}`)}>
                    {g.name}
                  </Link>{' '}
                  {g.is_default && <Badge>{t.default}</Badge>}
                  {g.description && <div className="dim small ellipsis">{g.description}</div>}
                </td>
                <td>
                  <Ingress rules={g.rules} self={g.id} />
                </td>
                <td>{g.egress_restricts ? t.restricted : <span className="dim">{t.open}</span>}</td>
                <td className="num">{g.rules.length}</td>
                <td className="num">{counts.get(g.id) ?? 0}</td>
                <td className="tags">
                  {Object.entries(g.tags).map(([k, v]) => (
                    <Badge key={k}>{v ? `${k}=${v}` : k}</Badge>
                  ))}
                </td>
              </tr>
            ))}
          </Table>
          {items.length === 0 && <Empty title={t.noMatch} />}
          {items.length > shown && (
            <button className="quiet more" onClick={() => setShown(shown + 200)}>
              {common.more}
            </button>
          )}
        </Panel>
      )}
      {list.data?.items.length === 1 && !q && (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
          {create}
        </Empty>
      )}
      {creating && <GroupCreate onClose={() => setCreating(false)} onCreated={(id) => go(path(`groups/${encodeURIComponent(id)}`))} />}
    </>
  )
}

/** Who may come in, in short. */
function Ingress({rules, self}: {rules: Rule[]; self: string}) {
  const {nameOf} = useAccountPage()
  const own = rules.filter((r) => r.direction === 'ingress' && r.enabled && !(r.origin === 'default' && r.remote_group === self))
  if (own.length === 0) return <span className="dim">{t.nobody}</span>
  return (
    <span className="chips">
      {own.slice(0, 3).map((r) => (
        <span className="chip" key={r.id}>
          <span className="mono">{bareService(r)}</span> <span className="dim">←</span> {r.remote_group && !r.remote_cidr ? nameOf(r.remote_group) : remoteText(r, nameOf)}
        </span>
      ))}
      {own.length > 3 && <span className="dim small">{t.moreRules(own.length - 3)}</span>}
    </span>
  )
}
