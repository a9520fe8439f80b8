import {type KeyboardEvent, type PointerEvent, useLayoutEffect, useMemo, useRef, useState, type WheelEvent} from 'react'

import {type Edge, edgeLabel, kindOf, type Node, type Picture} from '../lib/edges'
import {curve, labelAt, layout, nodeHeight, nodeWidth, type Place} from '../lib/layout'
import {connectivity as t} from '../texts'
import {Icon} from './Icon'

interface Props {
  picture: Picture
  focus: string
  selected: string | null
  onEdge: (key: string) => void
  onNode: (id: string) => void
}

const margin = 28
const press = (f: () => void) => (e: KeyboardEvent) => {
  if (e.key === 'Enter' || e.key === ' ') {
    e.preventDefault()
    f()
  }
}

/** Groups as boxes, rules as arrows; it is moved by dragging and zoomed by the wheel with Ctrl, or by the buttons. */
export function Graph({picture, focus, selected, onEdge, onNode}: Props) {
  // What is observed changes every few seconds: the boxes stay where they are.
  const shape = picture.nodes.map((n) => n.id).join() + '|' + picture.edges.map((e) => e.key + (e.rules.length > 0)).join()
  const placed = useMemo(() => layout(picture), [shape]) // eslint-disable-line
  const box = useRef<SVGSVGElement>(null)
  const [view, setView] = useState<{x: number; y: number; scale: number} | null>(null)
  const drag = useRef<{x: number; y: number} | null>(null)
  const [hover, setHover] = useState<string | null>(null)
  const [size, setSize] = useState({width: 800, height: 480})

  useLayoutEffect(() => {
    const measure = () => {
      const width = box.current?.clientWidth || 800
      setSize({width, height: Math.max(280, Math.min(720, window.innerHeight - 250, placed.height + 2 * margin + 40))})
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [placed])

  const fitScale = Math.max(size.width < 600 ? 0.55 : 0.28, Math.min(1, size.width / (placed.width + 2 * margin), size.height / (placed.height + 2 * margin)))
  const fitted = {
    scale: fitScale,
    x: Math.max((size.width - placed.width * fitScale) / 2, margin / 2),
    y: Math.max((size.height - placed.height * fitScale) / 2, margin / 2),
  }
  const v = view ?? fitted
  const zoom = (factor: number, at = {x: size.width / 2, y: size.height / 2}) => {
    const scale = Math.min(2.5, Math.max(0.1, v.scale * factor))
    setView({scale, x: at.x - ((at.x - v.x) * scale) / v.scale, y: at.y - ((at.y - v.y) * scale) / v.scale})
  }
  const onWheel = (e: WheelEvent) => {
    if (!e.ctrlKey && !e.metaKey) return
    const rect = box.current!.getBoundingClientRect()
    zoom(e.deltaY < 0 ? 1.1 : 1 / 1.1, {x: e.clientX - rect.left, y: e.clientY - rect.top})
  }
  const onMove = (e: PointerEvent) => {
    if (!drag.current) return
    setView({...v, x: e.clientX - drag.current.x, y: e.clientY - drag.current.y})
  }
  const lit = hover ?? (focus || null)
  const touches = (e: Edge) => lit === null || e.from === lit || e.to === lit
  const few = picture.edges.length <= 80
  return (
    <div className="graph">
      <div className="graph-tools">
        <button className="quiet icon" onClick={() => zoom(1.25)} aria-label={t.zoomIn} title={t.zoomIn}>
          +
        </button>
        <button className="quiet icon" onClick={() => zoom(0.8)} aria-label={t.zoomOut} title={t.zoomOut}>
          −
        </button>
        <button className="quiet icon" onClick={() => setView(null)} aria-label={t.fit} title={t.fit}>
          <Icon name="screen" />
        </button>
      </div>
      <svg
        ref={box} height={size.height} role="group" aria-label={t.graphLabel} onWheel={onWheel} onPointerMove={onMove} onPointerUp={() => (drag.current = null)}
        onPointerDown={(e) => {
          if (e.target === box.current) {
            drag.current = {x: e.clientX - v.x, y: e.clientY - v.y}
            e.currentTarget.setPointerCapture(e.pointerId)
          }
        }}
      >
        <defs>
          {['rule', 'open', 'drop', 'blocked'].map((kind) => (
            <marker key={kind} id={`arrow-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
              <path d="M0 0 L8 4 L0 8 z" className={`arrow ${kind}`} />
            </marker>
          ))}
        </defs>
        <g transform={`translate(${v.x} ${v.y}) scale(${v.scale})`}>
          {picture.edges.filter((e) => !(e.from === e.to && e.from.startsWith('cluster:'))).map((e) => (
            <EdgeLine
              key={e.key} edge={e} a={placed.places.get(e.from)} b={placed.places.get(e.to)} lanes={placed.lanes.get(e.key) ?? noLanes} faint={!touches(e)} selected={e.key === selected} label={few || lit === e.from || lit === e.to}
              focusable={few} name={t.edge(nameOf(picture, e.from), nameOf(picture, e.to))} onSelect={() => onEdge(e.key)}
            />
          ))}
          {picture.nodes.map((n) => (
            <NodeBox key={n.id} node={n} at={placed.places.get(n.id)!} focused={n.id === focus} onHover={setHover} onSelect={() => onNode(n.id)} />
          ))}
        </g>
      </svg>
      <ul className="legend small">
        <li className="rule">{t.legend.rule}</li>
        <li className="open">{t.legend.live}</li>
        <li className="blocked">{t.legend.blocked}</li>
        <li className="drop">{t.legend.drop}</li>
      </ul>
    </div>
  )
}

const nameOf = (p: Picture, id: string) => p.nodes.find((n) => n.id === id)?.name ?? id

const noLanes: Place[] = []

interface LineProps {
  edge: Edge
  a?: Place
  b?: Place
  lanes: Place[]
  faint: boolean
  selected: boolean
  label: boolean
  focusable: boolean
  name: string
  onSelect: () => void
}

function EdgeLine({edge: e, a, b, lanes, faint, selected, label, focusable, name, onSelect}: LineProps) {
  if (!a || !b) return null
  const d = curve(a, b, lanes, e.from === e.to)
  const kind = kindOf(e)
  const text = e.rules.length ? edgeLabel(e.rules) : `${e.drops.reduce((n, x) => n + x.seen, 0)} ${t.legend.drop}`
  const at = labelAt(a, b, lanes)
  return (
    <g
      className={`edge ${kind} ${faint ? 'faint' : ''} ${selected ? 'selected' : ''} ${e.drops.length > 0 ? 'dropping' : ''}`} role="button" tabIndex={focusable ? 0 : undefined} aria-label={`${name}: ${text}`}
      onClick={onSelect} onKeyDown={press(onSelect)}
    >
      <path d={d} className="hit" />
      <path d={d} className="line" markerEnd={`url(#arrow-${kind})`} />
      {e.drops.length > 0 && kind !== 'drop' && <path d={d} className="line overlay" />}
      {label && !faint && e.from !== e.to && (
        <text x={at.x} y={at.y - 5} textAnchor="middle" className="edge-label">
          {text}
        </text>
      )}
    </g>
  )
}

function NodeBox({node: n, at, focused, onHover, onSelect}: {node: Node; at: Place; focused: boolean; onHover: (id: string | null) => void; onSelect: () => void}) {
  const note = n.kind === 'cluster' ? t.groupsIn(n.members.length) : n.kind === 'group' ? t.nics(n.nics) : ''
  return (
    <g
      className={`node ${n.kind} ${focused ? 'focused' : ''} ${n.restricted ? 'restricted' : ''}`} transform={`translate(${at.x} ${at.y})`} role="button" tabIndex={0}
      aria-pressed={focused}
      onClick={onSelect} onKeyDown={press(onSelect)} onPointerEnter={() => onHover(n.id)} onPointerLeave={() => onHover(null)} onFocus={() => onHover(n.id)} onBlur={() => onHover(null)}
    >
      {n.kind === 'cluster' && <rect x="4" y="-4" width={nodeWidth - 8} height={nodeHeight} rx="7" className="behind" />}
      <rect width={nodeWidth} height={nodeHeight} rx="7" />
      {n.name.length > 22 && <title>{n.name}</title>}
      <text x="12" y={note ? 19 : 26} className="node-name">
        {n.name.length > 22 ? `${n.name.slice(0, 21)}…` : n.name}
      </text>
      {note && (
        <text x="12" y="34" className="node-note">
          {note}
          {n.restricted ? ` · ${t.restricted}` : ''}
        </text>
      )}
    </g>
  )
}
