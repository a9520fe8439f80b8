import {useState} from 'react'
import {Link, useLocation} from 'wouter'

import {useAccountPage, useWho} from '../api/account'
import {api} from '../api/client'
import {useInstance, useInstanceGroups, useNICs} from '../api/queries'
import type {Instance} from '../api/types'
import {ConfirmDialog} from '../components/ConfirmDialog'
import {SelectField} from '../components/Field'
import {Icon} from '../components/Icon'
import {InstanceDialog} from '../components/InstanceDialog'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {GroupLink, HostLink, NICLink} from '../components/Links'
import {NICState} from '../components/NICState'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {common, group as tg, instances as t, nics as tn} from '../texts'

/** One VM: its NICs, and the groups that judge all of them. */
export function InstancePage({id}: {id: string}) {
  const {account, path} = useAccountPage()
  const {rights} = useWho()
  const read = useInstance(account, id)
  const [, go] = useLocation()
  const [open, setOpen] = useState<'delete' | {data: Instance; etag: string | null} | null>(null)
  if (!read.data) return read.error ? <ProblemNote error={read.error} /> : <Loading />
  const i = read.data.data as Instance
  const close = () => setOpen(null)
  return (
    <>
      <PageHead crumb={<Link href={path('instances')}>{t.title}</Link>} title={<span className="mono">{i.id}</span>} hint={i.name || undefined}>
        {rights.write && (
          <>
            <button className="quiet" onClick={() => setOpen({data: i, etag: read.data.etag})}>
              <Icon name="edit" /> {t.change}
            </button>
            <button className="quiet" onClick={() => setOpen('delete')}>
              <Icon name="trash" /> {t.remove}
            </button>
          </>
        )}
      </PageHead>
      <Judges instance={i} />
      <NICsOf instance={i} />
      {open === 'delete' ? (
        <ConfirmDialog
          title={`${t.remove} ${i.id}`} subject={i.id} danger onClose={close} onDone={() => go(path('instances'))}
          send={(o) => api.DELETE('/v1/accounts/{account}/instances/{instance}', {params: {path: {account, instance: i.id}, ...o}})}
        >
          <p className="hint">{t.removeHint}</p>
        </ConfirmDialog>
      ) : (
        open && <InstanceDialog instance={open} onClose={close} />
      )}
    </>
  )
}

function Judges({instance: i}: {instance: Instance}) {
  const {account, groups, nameOf} = useAccountPage()
  const {rights} = useWho()
  const attached = useInstanceGroups(account, i.id)
  const [open, setOpen] = useState<{what: 'attach'} | {what: 'detach'; group: string} | null>(null)
  const [chosen, setChosen] = useState('')
  const list = (attached.data?.items ?? []) as {id: string; name: string}[]
  const close = () => {
    setOpen(null)
    setChosen('')
  }
  const at = (group: string) => ({account, instance: i.id, group})
  return (
    <Panel
      title={tn.columns.groups}
      aside={
        rights.write && (
          <button className="quiet" onClick={() => setOpen({what: 'attach'})}>
            <Icon name="plus" /> {tn.attach}
          </button>
        )
      }
    >
      <ProblemNote error={attached.error} />
      {attached.data && list.length === 0 && <p className="dim">{t.noGroups}</p>}
      <ul className="plain">
        {list.map((g) => (
          <li key={g.id}>
            <GroupLink id={g.id} />
            <span className="grow" />
            {rights.write && (
              <button className="quiet small" onClick={() => setOpen({what: 'detach', group: g.id})} aria-label={`${tg.detach} ${nameOf(g.id)}`}>
                {tg.detach}
              </button>
            )}
          </li>
        ))}
      </ul>
      {open?.what === 'attach' && (
        <ConfirmDialog
          title={tn.attachTo(i.id)} subject={chosen} onClose={close}
          send={(o) => api.PUT('/v1/accounts/{account}/instances/{instance}/security-groups/{group}', {params: {path: at(chosen), ...o}})}
        >
          <SelectField label={tn.group} value={chosen} onChange={(e) => setChosen(e.target.value)} required>
            <option value="">–</option>
            {groups.filter((g) => !list.some((x) => x.id === g.id)).map((g) => (
              <option key={g.id} value={g.id}>
                {g.name}
              </option>
            ))}
          </SelectField>
        </ConfirmDialog>
      )}
      {open?.what === 'detach' && (
        <ConfirmDialog
          title={`${tg.detach} ${nameOf(open.group)}`} subject={open.group} danger onClose={close}
          send={(o) => api.DELETE('/v1/accounts/{account}/instances/{instance}/security-groups/{group}', {params: {path: at(open.group), ...o}})}
        />
      )}
    </Panel>
  )
}

function NICsOf({instance: i}: {instance: Instance}) {
  const {account} = useAccountPage()
  const nics = useNICs(account)
  const own = nics.data?.items.filter((n) => n.instance === i.id) ?? []
  return (
    <Panel flush title={tn.title}>
      <ProblemNote error={nics.error} />
      <Truncated of={[account, 'nics']} />
      {own.length === 0 ? (
        <Empty title={i.nics.length ? common.loading : t.noNICs} />
      ) : (
        <Table label={tn.title} head={[tn.columns.nic, tn.columns.addresses, tn.columns.groups, tn.columns.host, tn.columns.state]}>
          {own.map((n) => (
            <tr key={n.id}>
              <td>
                <NICLink id={n.id} />
              </td>
              <td className="mono">{n.addresses.join(', ')}</td>
              <td className="wrap-list">
                {n.effective_groups.map((g) => (
                  <GroupLink key={g.id} id={g.id} />
                ))}
              </td>
              <td>
                <HostLink id={n.host} />
              </td>
              <td>
                <NICState nic={n} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  )
}
