import {useMemo} from 'react'

import {type Edge, edgeKey, edgeLabel, kindOf, type Node, type Picture} from '../lib/edges'
import {connectivity as t} from '../texts'

interface Props {
  picture: Picture
  selected: string | null
  onEdge: (key: string) => void
  onNode: (id: string) => void
}

const most = 60

/** From rows to columns: what rules allow, in each cell. */
export function Matrix({picture, selected, onEdge, onNode}: Props) {
  const {rows, columns, edges} = useMemo(() => sides(picture), [picture])
  return (
    <div className="matrix-box">
      <div className="table-scroll" tabIndex={0} role="region" aria-label={t.matrixLabel}>
        <table className="matrix">
          <thead>
            <tr>
              <th scope="col" className="corner small">
                {t.corner}
              </th>
              {columns.map((n) => (
                <th key={n.id} scope="col">
                  <NodeName node={n} onNode={onNode} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((from) => (
              <tr key={from.id}>
                <th scope="row">
                  <NodeName node={from} onNode={onNode} />
                </th>
                {columns.map((to) => {
                  const e = edges.get(edgeKey(from.id, to.id))
                  return (
                    <td key={to.id} className={from.id === to.id ? 'self' : ''}>
                      {e && <Cell edge={e} selected={e.key === selected} name={t.edge(from.name, to.name)} onEdge={onEdge} />}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {picture.nodes.length > most && <p className="dim small">{t.capped(most)}</p>}
    </div>
  )
}

function NodeName({node: n, onNode}: {node: Node; onNode: (id: string) => void}) {
  return (
    <button className="link" onClick={() => onNode(n.id)} title={n.kind === 'cluster' ? t.groupsIn(n.members.length) : n.name}>
      {n.name}
    </button>
  )
}

function Cell({edge: e, selected, name, onEdge}: {edge: Edge; selected: boolean; name: string; onEdge: (key: string) => void}) {
  const kind = kindOf(e)
  const text = e.rules.length ? edgeLabel(e.rules, 2) : t.legend.drop
  return (
    <button className={`cell ${kind} ${selected ? 'selected' : ''}`} onClick={() => onEdge(e.key)} aria-label={`${name}: ${text}${e.standing === 'blocked' || e.standing === 'partly' ? `, ${t.standing[e.standing]}` : ''}`} title={t.standing[e.standing] || undefined} aria-pressed={selected}>
      {text}
      {e.standing === 'partly' && <span title={t.standing.partly}> ◐</span>}
      {e.drops.length > 0 && e.rules.length > 0 && <span className="dropping" title={t.legend.drop} />}
    </button>
  )
}

/** Rows and columns that have something in them, those with most first cut off at the bound. */
function sides(p: Picture) {
  const edges = new Map(p.edges.map((e) => [e.key, e]))
  const weight = (side: 'from' | 'to') => {
    const m = new Map<string, number>()
    for (const e of p.edges) m.set(e[side], (m.get(e[side]) ?? 0) + 1)
    return p.nodes
      .filter((n) => m.has(n.id))
      .sort((a, b) => m.get(b.id)! - m.get(a.id)!)
      .slice(0, most)
      .sort((a, b) => a.kind.localeCompare(b.kind) * -1 || a.name.localeCompare(b.name))
  }
  return {rows: weight('from'), columns: weight('to'), edges}
}
