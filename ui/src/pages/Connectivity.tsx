import {useMemo, useState} from 'react'
import {useLocation, useSearch} from 'wouter'

import {useAccountPage} from '../api/account'
import {useLive, useWatch} from '../api/live'
import {useGroups, useMatrix, useNICs} from '../api/queries'
import {EdgePanel} from '../components/EdgePanel'
import {CheckField, Choice, SelectField, TextField} from '../components/Field'
import {Graph} from '../components/Graph'
import {Empty, Loading, PageHead} from '../components/Layout'
import {Matrix} from '../components/Matrix'
import {ProblemNote} from '../components/ProblemNote'
import {clustered, maxNodes} from '../lib/cluster'
import {neighbourhood, observe, type Picture, pictureOf, withoutDefaults} from '../lib/edges'
import {judged} from '../lib/standing'
import {connectivity as t} from '../texts'

const noFilter = {view: 'graph', service: '', direction: '', network: '', focus: '', steps: '1', defaults: '', observed: '1'}
type Chosen = typeof noFilter

/** What is drawn is in the page's address, so that it can be sent. */
function useChosen(): [Chosen, (change: Partial<Chosen>) => void] {
  const search = useSearch()
  const [location, go] = useLocation()
  const chosen = {...noFilter, ...Object.fromEntries(new URLSearchParams(search))}
  const set = (change: Partial<Chosen>) => {
    const next = {...chosen, ...change}
    const q = new URLSearchParams(Object.entries(next).filter(([k, v]) => v !== noFilter[k as keyof Chosen]))
    go(`${location}${q.size ? `?${q}` : ''}`, {replace: true})
  }
  return [chosen, set]
}

/** Who may talk to whom, as a graph or a matrix. */
export function Connectivity() {
  const {account} = useAccountPage()
  const groups = useGroups(account)
  const nics = useNICs(account)
  const [c, set] = useChosen()
  const matrix = useMatrix(account, c.network)
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  const [selected, setSelected] = useState<string | null>(null)
  const observing = c.observed === '1'
  useWatch('drops', observing)
  useWatch('connections', observing)
  const live = useLive()

  const filter = useMemo(() => ({service: c.service, direction: c.direction as '', network: c.network}), [c.service, c.direction, c.network])
  const rules = useMemo(() => {
    const p = pictureOf(groups.data?.items ?? [], nics.data?.items ?? [], filter)
    return judged(c.defaults ? p : withoutDefaults(p), matrix.data)
  }, [groups.data, nics.data, matrix.data, filter, c.defaults])
  const full = useMemo(
    () => (observing ? observe(rules, nics.data?.items ?? [], live.connections, live.drops.rows.map((r) => ({drop: r, seen: r.seen})), filter) : rules),
    [rules, observing, nics.data, live.connections, live.drops, filter],
  )
  const near = useMemo(() => (c.focus ? neighbourhood(full, c.focus, Number(c.steps) || 1) : full), [full, c.focus, c.steps])
  const many = near.nodes.length > maxNodes
  const shown: Picture = useMemo(() => (many ? clustered(near, opened) : near), [near, many, opened])
  const edge = shown.edges.find((e) => e.key === selected)
  const networks = [...new Set((nics.data?.items ?? []).map((n) => n.network))].sort()
  const names = [...(groups.data?.items ?? [])].sort((a, b) => a.name.localeCompare(b.name))

  const onNode = (id: string) => {
    if (id.startsWith('cluster:')) setOpened(new Set([...opened, id]))
    else set({focus: c.focus === id ? '' : id})
  }
  return (
    <>
      <PageHead title={t.title} hint={t.hint} />
      <div className="toolbar fields connectivity-bar">
        <Choice label={t.view} value={c.view as 'graph'} options={[['graph', t.views.graph], ['matrix' as 'graph', t.views.matrix]]} onChange={(view) => set({view})} />
        <TextField label={t.service} value={c.service} onChange={(e) => set({service: e.target.value})} placeholder={t.serviceHint} data-search narrow />
        <SelectField label={t.direction} value={c.direction} onChange={(e) => set({direction: e.target.value})} narrow>
          {Object.entries(t.directions).map(([v, text]) => (
            <option key={v} value={v}>
              {text}
            </option>
          ))}
        </SelectField>
        <SelectField label={t.network} value={c.network} onChange={(e) => set({network: e.target.value})} narrow>
          <option value="">{t.allNetworks}</option>
          {networks.map((n) => (
            <option key={n}>{n}</option>
          ))}
        </SelectField>
        <SelectField label={t.focus} value={c.focus} onChange={(e) => set({focus: e.target.value})} narrow>
          <option value="">{t.wholeAccount}</option>
          {c.focus && !names.some((g) => g.id === c.focus) && <option value={c.focus}>{full.nodes.find((n) => n.id === c.focus)?.name ?? c.focus}</option>}
          {names.map((g) => (
            <option key={g.id} value={g.id}>
              {g.name}
            </option>
          ))}
        </SelectField>
        {c.focus && (
          <SelectField label={t.steps} value={c.steps} onChange={(e) => set({steps: e.target.value})} narrow>
            <option>1</option>
            <option>2</option>
            <option>3</option>
          </SelectField>
        )}
        <CheckField label={t.observed} checked={observing} onChange={(e) => set({observed: e.target.checked ? '1' : '0'})} />
        <CheckField label={t.defaults} checked={c.defaults !== ''} onChange={(e) => set({defaults: e.target.checked ? '1' : ''})} />
      </div>
      <ProblemNote error={groups.error ?? nics.error} />
      {!groups.data || !nics.data ? (
        !(groups.error ?? nics.error) && <Loading />
      ) : shown.edges.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
        </Empty>
      ) : (
        <>
          {many && (
            <p className="note accent small">
              {t.clustered(near.nodes.length, shown.nodes.length)}{' '}
              {opened.size > 0 && (
                <button className="link" onClick={() => setOpened(new Set())}>
                  {t.closeClusters}
                </button>
              )}
            </p>
          )}
          {matrix.data?.truncated && (
            <p className="note warn small" role="status">
              {t.truncated}
            </p>
          )}
          <div className={`picture ${edge ? 'with-panel' : ''}`}>
            {c.view === 'matrix' ? (
              <Matrix picture={shown} selected={selected} onEdge={setSelected} onNode={onNode} />
            ) : (
              <Graph key={`${c.focus} ${c.steps} ${c.network}`} picture={shown} focus={c.focus} selected={selected} onEdge={setSelected} onNode={onNode} />
            )}
            {edge && <EdgePanel edge={edge} picture={shown} matrix={matrix.data} onClose={() => setSelected(null)} />}
          </div>
          <p className="dim small">
            {t.edgeHint} {t.truth}
          </p>
        </>
      )}
    </>
  )
}
