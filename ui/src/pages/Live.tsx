import {useMemo, useState} from 'react'

import {useAccountPage} from '../api/account'
import {useLive, useWatch} from '../api/live'
import {useActivity} from '../api/queries'
import {Chart} from '../components/Chart'
import {ConnectionTable} from '../components/ConnectionTable'
import {DropTable} from '../components/DropTable'
import {SearchBox, SelectField} from '../components/Field'
import {HostNotes} from '../components/HostNotes'
import {Icon} from '../components/Icon'
import {Empty, PageHead, Panel} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {packetService} from '../lib/service'
import {live as t} from '../texts'

type Tab = 'drops' | 'connections'

/** Drops and connections as they come. */
export function LivePage() {
  const {account, nameOf} = useAccountPage()
  const live = useLive()
  const [tab, setTab] = useState<Tab>('drops')
  const [query, setQuery] = useState('')
  const [reason, setReason] = useState('')
  const [direction, setDirection] = useState('')
  // While it is paused the page shows what there was then; nothing is missed.
  const [frozen, setFrozen] = useState<Pick<typeof live, 'drops' | 'connections'> | null>(null)
  useWatch('drops')
  useWatch('connections')
  const activity = useActivity(account).data
  const silent = activity?.points.at(-2)?.silent_hosts ?? 0 // of the last step that is over
  const shown = frozen ?? live
  const q = query.trim().toLowerCase()
  const rows = useMemo(
    () =>
      shown.drops.rows.filter(
        (d) =>
          (!reason || (reason === 'not-guard' ? d.reason !== 'guard' : d.reason === reason)) &&
          (!direction || d.direction === direction) &&
          (!q || `${d.nic} ${d.host} ${d.source} ${d.destination} ${packetService(d)} ${d.reason}`.toLowerCase().includes(q)),
      ),
    [shown.drops, q, reason, direction],
  )
  const connections = useMemo(
    () =>
      shown.connections.filter(
        (c) =>
          (!direction || c.direction === direction) &&
          (!q || `${c.nic} ${c.source} ${c.destination} ${packetService(c)} ${c.group ? nameOf(c.group) : ''} ${c.state}`.toLowerCase().includes(q)),
      ),
    [shown.connections, q, direction, nameOf],
  )
  const reasons = [...new Set(live.drops.rows.map((d) => d.reason))].sort()
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        <button onClick={() => setFrozen(frozen ? null : {drops: live.drops, connections: live.connections})} aria-pressed={frozen !== null}>
          <Icon name={frozen ? 'play' : 'pause'} /> {frozen ? t.resume : t.pause}
        </button>
      </PageHead>
      <div className="charts">
        <Chart title={t.drops} activity={activity} value={(p) => p.drops} unit={t.packets} unknown={t.notLooked} tone="deny" sum />
        <Chart title={t.newConnections} activity={activity} value={(p) => p.connections} unit={t.packets} unknown={t.notTold} tone="accent" sum />
        <Chart title={t.lag} activity={activity} value={(p) => p.lag_seconds} unit={t.seconds} unknown={t.notTold} tone="warn" />
      </div>
      <p className="dim small chart-note">
        {t.gathered} {silent > 0 && t.silent(silent)}
      </p>
      <ProblemNote error={live.error} />
      <div className="toolbar">
        <div className="tabs inline" role="tablist">
          {(['drops', 'connections'] as const).map((x) => (
            <button key={x} role="tab" aria-selected={x === tab} onClick={() => setTab(x)}>
              {x === 'drops' ? t.drops : t.connections} <span className="num dim">{x === 'drops' ? rows.length : connections.length}</span>
            </button>
          ))}
        </div>
        <span className="grow" />
        <SearchBox value={query} onChange={setQuery} label={t.filter} />
        <SelectField label={<span className="visually-hidden">{t.direction}</span>} value={direction} onChange={(e) => setDirection(e.target.value)}>
          <option value="">{t.bothDirections}</option>
          <option>ingress</option>
          <option>egress</option>
        </SelectField>
        {tab === 'drops' && (
          <SelectField label={<span className="visually-hidden">{t.reason}</span>} value={reason} onChange={(e) => setReason(e.target.value)}>
            <option value="">{t.allReasons}</option>
            <option value="not-guard">{t.notGuard}</option>
            {reasons.map((r) => (
              <option key={r}>{r}</option>
            ))}
          </SelectField>
        )}
      </div>
      <HostNotes hosts={tab === 'drops' ? live.dropHosts : live.connectionHosts} />
      <Panel flush>
        {tab === 'drops' ? (
          rows.length ? (
            <DropTable rows={rows} />
          ) : (
            <Empty title={live.drops.rows.length ? t.noMatch : t.noDrops}>{live.dropsSince && !live.drops.rows.length && <p>{t.looking}</p>}</Empty>
          )
        ) : connections.length ? (
          <ConnectionTable items={connections} withNIC />
        ) : (
          <Empty title={live.connections.length ? t.noMatch : t.noConnections} />
        )}
      </Panel>
      {frozen && (
        <p className="dim small" role="status">
          {t.paused}
        </p>
      )}
    </>
  )
}
