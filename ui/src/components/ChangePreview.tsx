import type {Preview} from '../api/mutate'
import type {CutConnection} from '../api/types'
import {packetService} from '../lib/service'
import {review as t} from '../texts'
import {AccessList} from './AccessList'
import {Icon} from './Icon'

/** A dry run, as people read it: what opens, what stops, what is cut, where. */
export function ChangePreview({preview}: {preview: Preview}) {
  const {access, connections_cut: cut, effects} = preview
  const opens = access?.newly_allowed ?? []
  const stops = access?.no_longer_allowed ?? []
  return (
    <section className="preview" aria-label={t.title}>
      <h3>{t.title}</h3>
      {opens.length === 0 && stops.length === 0 && <p className="dim">{t.nothing}</p>}
      {opens.length > 0 && (
        <>
          <h4 className="allow">{t.opens(opens.length)}</h4>
          <AccessList entries={opens} tone="allow" />
        </>
      )}
      {stops.length > 0 && (
        <>
          <h4 className="deny">{t.stops(stops.length)}</h4>
          <AccessList entries={stops} tone="deny" />
        </>
      )}
      {(access?.more || opens.length > 50 || stops.length > 50) && <p className="dim">{t.more}</p>}
      {effects && effects.egress_became_open.length > 0 && <Warning text={t.becameOpen(effects.egress_became_open)} />}
      {effects && effects.egress_became_restricted.length > 0 && <Warning text={t.becameRestricted(effects.egress_became_restricted)} />}
      {cut && <Cut cut={cut} />}
      {effects && (
        <p className="dim small">
          {t.concerned(effects.nics.length, effects.nics_more, effects.hosts.length)}
          {effects.inert_rules.length > 0 && ` ${t.inert(effects.inert_rules.length)}`}
        </p>
      )}
    </section>
  )
}

function Warning({text}: {text: string}) {
  return (
    <p className="warning">
      <Icon name="warn" />
      {text}
    </p>
  )
}

function Cut({cut}: {cut: NonNullable<Preview['connections_cut']>}) {
  return (
    <>
      {cut.count > 0 ? <h4 className="deny">{t.cut(cut.count)}</h4> : cut.complete && <p className="dim small">{t.cutNone}</p>}
      {cut.connections.length > 0 && (
        <ul className="access deny">
          {cut.connections.slice(0, 20).map((c, i) => (
            <li key={i}>
              <span className="sign" aria-hidden="true">
                ×
              </span>
              <ConnectionText connection={c} />
            </li>
          ))}
        </ul>
      )}
      {cut.connections.length > 0 && cut.count > Math.min(20, cut.connections.length) && <p className="dim small">{t.cutMore}</p>}
      {!cut.complete && cut.unanswered.length > 0 && <Warning text={t.unanswered(cut.unanswered)} />}
    </>
  )
}

export function ConnectionText({connection: c}: {connection: CutConnection}) {
  return (
    <span className="mono">
      {c.source}
      {c.source_port ? `:${c.source_port}` : ''} → {c.destination} {packetService(c)}
    </span>
  )
}
