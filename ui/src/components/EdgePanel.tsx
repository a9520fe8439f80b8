import {Link} from 'wouter'

import {useAccountPage} from '../api/account'
import {useHits, useNICs} from '../api/queries'
import type {Matrix, OtherEnd, Rule} from '../api/types'
import type {Edge, Picture} from '../lib/edges'
import {serviceText} from '../lib/service'
import {otherEnds, ruleKey, standingOf} from '../lib/standing'
import {traceQuery} from '../lib/trace'
import {common, connectivity as t, live as tl, shell} from '../texts'
import {ConnectionText} from './ChangePreview'
import {dropTrace, DropText} from './DropTable'
import {Icon} from './Icon'
import {GroupLink} from './Links'
import {Ago} from './Time'

/** An edge: its rules with their hits, what is open by them, what is dropped. */
export function EdgePanel({edge: e, picture, matrix, onClose}: {edge: Edge; picture: Picture; matrix?: Matrix; onClose: () => void}) {
  const {path, account} = useAccountPage()
  const nics = useNICs(account)
  const name = (id: string) => picture.nodes.find((n) => n.id === id)?.name ?? id
  const nicOf = (id: string) => nics.data?.items.find((n) => n.effective_groups.some((g) => g.id === id))?.id ?? (id.startsWith('cidr:') ? id.slice(5).replace(/\/\d+$/, '') : '')
  const owners = [...new Set(e.rules.map((r) => r.group))]
  const first = e.rules[0]
  return (
    <aside className="edge-panel" aria-label={t.edge(name(e.from), name(e.to))}>
      <header>
        <h2>
          {name(e.from)} <span className="dim">→</span> {name(e.to)}
        </h2>
        <button className="quiet icon" onClick={onClose} aria-label={common.close}>
          <Icon name="close" />
        </button>
      </header>
      <h3>{t.rules}</h3>
      {e.rules.length === 0 && <p className="dim">{t.noRules}</p>}
      {owners.slice(0, 6).map((g) => (
        <OwnersRules key={g} group={g} rules={e.rules.filter((r) => r.group === g)} matrix={matrix} />
      ))}
      <h3>
        {t.connections} <span className="num dim">{e.connections.length}</span>
      </h3>
      {e.connections.length === 0 && <p className="dim small">{t.noConnections}</p>}
      <ul className="lines small">
        {e.connections.slice(0, 12).map((c, i) => (
          <li key={i}>
            <ConnectionText connection={c} />
          </li>
        ))}
      </ul>
      <h3>
        {t.drops} <span className="num dim">{e.drops.reduce((n, d) => n + d.seen, 0)}</span>
      </h3>
      {e.drops.length === 0 && <p className="dim small">{t.noDrops}</p>}
      <ul className="lines small">
        {e.drops.slice(0, 12).map((d, i) => (
          <li key={i} className="mono">
            <DropText drop={d.drop} />{' '}
            <Link href={`${path('trace')}?${dropTrace(d.drop)}`} aria-label={tl.traceOf(d.drop.nic)}>
              {tl.why}
            </Link>
          </li>
        ))}
      </ul>
      <Link
        className="button"
        href={`${path('trace')}?${traceQuery({
          from: nicOf(e.from), to: nicOf(e.to), protocol: first && ['tcp', 'udp', 'icmp'].includes(first.protocol) ? first.protocol : 'tcp', port: first?.port_min ? String(first.port_min) : '',
        })}`}
      >
        <Icon name="trace" /> {shell.trace}
      </Link>
    </aside>
  )
}

function OwnersRules({group, rules, matrix}: {group: string; rules: Rule[]; matrix?: Matrix}) {
  const {account} = useAccountPage()
  const hits = useHits(account, group)
  const ends = otherEnds(matrix)
  return (
    <ul className="lines">
      {rules.slice(0, 20).map((r) => {
        const h = hits.data?.find((x) => x.id === r.id)?.hits
        return (
          <li key={r.id}>
            <span className="mono strong">{serviceText(r)}</span> <span className="dim small">{r.direction}</span> <GroupLink id={r.group} />
            {r.description && <span className="dim small"> {r.description}</span>}
            <span className="grow" />
            {h && (
              <span className="num small dim">
                {h.packets.toLocaleString('en')} {t.hits}
                {h.last_hit_at && (
                  <>
                    , <Ago at={h.last_hit_at} />
                  </>
                )}
              </span>
            )}
            <Other end={ends.get(ruleKey(r.group, r.id))} direction={r.direction} />
          </li>
        )
      })}
    </ul>
  )
}

/** What the NICs at the other end do with what the rule opens. */
function Other({end, direction}: {end: OtherEnd | null | undefined; direction: 'ingress' | 'egress'}) {
  const standing = standingOf(end)
  if (!end || standing === 'unknown') return null
  return (
    <span className={`small other ${standing}`}>
      {t.otherEnd(direction === 'ingress' ? 'egress' : 'ingress', end.allowed, end.partly, end.blocked, end.nics - end.apart)}
    </span>
  )
}
