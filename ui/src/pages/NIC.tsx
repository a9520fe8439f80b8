import {Fragment, useState} from 'react'
import {Link, useLocation} from 'wouter'

import {useAccountPage, useWho} from '../api/account'
import {api} from '../api/client'
import {useConnections, useEffectiveRules, useNIC} from '../api/queries'
import type {NIC} from '../api/types'
import {Attach} from '../components/Attach'
import {ConfirmDialog} from '../components/ConfirmDialog'
import {ConnectionTable} from '../components/ConnectionTable'
import {HostNotes} from '../components/HostNotes'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {GroupLink, HostLink, InstanceLink} from '../components/Links'
import {NICDialog, readNIC} from '../components/NICDialog'
import {NICState} from '../components/NICState'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {remoteText, serviceText} from '../lib/service'
import {traceQuery} from '../lib/trace'
import {common, group as tg, nics as t} from '../texts'

/** One NIC: what judges it, which rules that makes, what it talks. */
export function NICPage({id}: {id: string}) {
  const {account, path} = useAccountPage()
  const {rights} = useWho()
  const read = useNIC(account, id)
  const [attaching, setAttaching] = useState(false)
  if (!read.data) return read.error ? <ProblemNote error={read.error} /> : <Loading />
  const n = read.data as NIC
  return (
    <>
      <PageHead crumb={<Link href={path('nics')}>{t.title}</Link>} title={<span className="mono">{n.id}</span>} hint={`${n.addresses.join(', ') || common.none} · ${n.network}`}>
        <NICState nic={n} />
        <Link className="button" href={`${path('trace')}?${traceQuery({from: n.id})}`}>
          <Icon name="trace" /> {t.traceFrom}
        </Link>
        <Link className="button" href={`${path('trace')}?${traceQuery({to: n.id})}`}>
          <Icon name="trace" /> {t.traceTo}
        </Link>
        {rights.platformWrite && <Platform nic={n} />}
      </PageHead>
      <div className="columns">
        <Judges nic={n} onAttach={rights.write ? () => setAttaching(true) : undefined} />
        <Facts nic={n} />
      </div>
      <Effective nic={n} />
      <Connections nic={n} />
      {attaching && <Attach nic={n.id} onClose={() => setAttaching(false)} />}
    </>
  )
}

/** What the platform's admin may do with a NIC. */
function Platform({nic: n}: {nic: NIC}) {
  const {path} = useAccountPage()
  const [, go] = useLocation()
  const [open, setOpen] = useState<'delete' | {data: NIC; etag: string | null} | null>(null)
  const [fault, setFault] = useState<unknown>(null)
  const close = () => setOpen(null)
  return (
    <>
      <button
        className="quiet"
        onClick={() => {
          setFault(null)
          readNIC(n.id).then(setOpen, setFault)
        }}
      >
        <Icon name="edit" /> {t.change}
      </button>
      <button className="quiet" onClick={() => setOpen('delete')}>
        <Icon name="trash" /> {t.remove}
      </button>
      <ProblemNote error={fault} />
      {open === 'delete' ? (
        <ConfirmDialog
          title={`${t.remove} ${n.id}`} subject={n.id} danger onClose={close} onDone={() => go(path('nics'))}
          send={(o) => api.DELETE('/v1/nics/{nic}', {params: {path: {nic: n.id}, ...o}})}
        >
          <p className="hint">{t.removeHint}</p>
        </ConfirmDialog>
      ) : (
        open && <NICDialog nic={open} onClose={close} />
      )}
    </>
  )
}

function Judges({nic: n, onAttach}: {nic: NIC; onAttach?: () => void}) {
  const {account, nameOf} = useAccountPage()
  const [detaching, setDetaching] = useState<string | null>(null)
  return (
    <Panel
      title={t.columns.groups}
      aside={
        onAttach && (
          <button className="quiet" onClick={onAttach}>
            <Icon name="plus" /> {t.attach}
          </button>
        )
      }
    >
      <ul className="plain">
        {n.effective_groups.map((g) => (
          <li key={g.id}>
            <GroupLink id={g.id} /> <span className="dim small">{t.via[g.via]}</span>
            <span className="grow" />
            {onAttach && g.via === 'nic' && !g.implicit && (
              <button className="quiet small" onClick={() => setDetaching(g.id)} aria-label={`${tg.detach} ${nameOf(g.id)}`}>
                {tg.detach}
              </button>
            )}
          </li>
        ))}
      </ul>
      {detaching && (
        <ConfirmDialog
          title={`${tg.detach} ${nameOf(detaching)}`} subject={detaching} danger onClose={() => setDetaching(null)}
          send={(o) => api.DELETE('/v1/accounts/{account}/nics/{nic}/security-groups/{group}', {params: {path: {account, nic: n.id, group: detaching}, ...o}})}
        />
      )}
    </Panel>
  )
}

function Facts({nic: n}: {nic: NIC}) {
  const {nameOf} = useAccountPage()
  return (
    <Panel>
      <dl className="facts">
        <dt>{t.columns.host}</dt>
        <dd>
          <HostLink id={n.host} />
        </dd>
        <dt>{t.facts.mac}</dt>
        <dd className="mono">{n.mac}</dd>
        <dt>{t.columns.egress}</dt>
        <dd>{n.egress_restricted ? `${t.egressRestricted}${n.because ? ` ${t.because(nameOf(n.because.group), n.because.rule)}` : ''}` : t.egressOpen}</dd>
        {n.allowed_addresses.length > 0 && (
          <>
            <dt>{t.facts.allowed}</dt>
            <dd className="mono">{n.allowed_addresses.join(', ')}</dd>
          </>
        )}
        {n.hosts.length > 0 && (
          <>
            <dt>{t.facts.hosts}</dt>
            <dd className="mono">{n.hosts.join(', ')}</dd>
          </>
        )}
        {n.instance && (
          <>
            <dt>{t.columns.instance}</dt>
            <dd>
              <InstanceLink id={n.instance} />
            </dd>
          </>
        )}
        {n.enforcement === 'off' && (
          <>
            <dt>{t.facts.enforcement}</dt>
            <dd className="deny-text">{t.unfiltered}</dd>
          </>
        )}
        {n.dhcp_server && (
          <>
            <dt>{t.facts.dhcp}</dt>
            <dd>{common.yes}</dd>
          </>
        )}
        <dt>{t.facts.realized}</dt>
        <dd className="num">{n.realized_revision ?? common.none}</dd>
        {n.warnings.map((w) => (
          <Fragment key={w.code}>
            <dt>{t.warning}</dt>
            <dd className="deny-text">{w.detail}</dd>
          </Fragment>
        ))}
        {n.conflict && (
          <>
            <dt>{t.conflict}</dt>
            <dd className="deny-text">{n.conflict.detail}</dd>
          </>
        )}
      </dl>
    </Panel>
  )
}

function Effective({nic}: {nic: NIC}) {
  const {account, nameOf} = useAccountPage()
  const rules = useEffectiveRules(account, nic.id)
  return (
    <Panel flush title={t.effective} aside={<span className="dim small">{t.effectiveHint}</span>}>
      <ProblemNote error={rules.error} />
      <Truncated of={[account, 'nics', nic.id, 'effective-rules']} />
      {rules.data && (
        <Table label={t.effective} head={[tg.columns.service, t.connColumns.direction, tg.columns.remote, t.columns.fromGroup, t.columns.because]}>
          {[...rules.data.items].sort((a, b) => b.direction.localeCompare(a.direction)).map((r) => (
            <tr key={`${r.group} ${r.id}`} className={r.enabled && !r.inert ? '' : 'faded'}>
              <td className="mono nowrap">{serviceText(r)}</td>
              <td>{r.direction}</td>
              <td>{remoteText(r, nameOf)}</td>
              <td>
                <GroupLink id={r.group} />
              </td>
              <td className="dim">{t.via[r.via]}</td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  )
}

function Connections({nic}: {nic: NIC}) {
  const {account} = useAccountPage()
  const list = useConnections(account, {nic: nic.id, every: 5000})
  return (
    <Panel flush title={t.connections} aside={<span className="dim small num">{list.data?.items.length}</span>}>
      <ProblemNote error={list.error} />
      <HostNotes hosts={list.data?.hosts} />
      {list.data && (list.data.items.length ? <ConnectionTable items={list.data.items} /> : <Empty title={t.noConnections} />)}
    </Panel>
  )
}
