import {useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {api} from '../api/client'
import {useMembers, useNICs} from '../api/queries'
import type {Group} from '../api/types'
import {group as t, nics as tn} from '../texts'
import {Attach} from './Attach'
import {ConfirmDialog} from './ConfirmDialog'
import {Icon} from './Icon'
import {Empty, Loading, Panel, Table} from './Layout'
import {HostLink, NICLink} from './Links'
import {NICState} from './NICState'
import {Truncated} from './Truncated'

/** The NICs that a group judges, and the addresses that it stands for. */
export function GroupNICs({group}: {group: Group}) {
  const {account} = useAccountPage()
  const {rights} = useWho()
  const nics = useNICs(account)
  const [attaching, setAttaching] = useState(false)
  const [detaching, setDetaching] = useState<string | null>(null)
  if (!nics.data) return <Loading />
  const own = nics.data.items.flatMap((n) => n.effective_groups.filter((g) => g.id === group.id).map((g) => ({nic: n, via: g.via})))
  return (
    <>
      <div className="toolbar">
        <span className="grow" />
        {rights.write && (
          <button className="primary" onClick={() => setAttaching(true)}>
            <Icon name="plus" /> {t.attach}
          </button>
        )}
      </div>
      <Truncated of={[account, 'nics']} />
      <Panel flush>
        {own.length === 0 ? (
          <Empty title={t.noNICs}>
            <p>{t.noNICsHint}</p>
          </Empty>
        ) : (
          <Table label={t.tabs.nics} head={[t.nic, tn.columns.addresses, tn.columns.because, tn.columns.host, tn.columns.state, '']}>
            {own.map(({nic, via}) => (
              <tr key={nic.id}>
                <td>
                  <NICLink id={nic.id} />
                </td>
                <td className="mono">{nic.addresses.join(', ')}</td>
                <td className="dim">{t.via[via]}</td>
                <td>
                  <HostLink id={nic.host} />
                </td>
                <td>
                  <NICState nic={nic} />
                </td>
                <td className="row-actions">
                  {rights.write && via === 'nic' && (
                    <button className="quiet" onClick={() => setDetaching(nic.id)}>
                      {t.detach}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
      <Members group={group} />
      {attaching && <Attach group={group.id} onClose={() => setAttaching(false)} />}
      {detaching && (
        <ConfirmDialog
          title={t.detachFrom(detaching)} subject={detaching} danger onClose={() => setDetaching(null)}
          send={(o) => api.DELETE('/v1/accounts/{account}/nics/{nic}/security-groups/{group}', {params: {path: {account, nic: detaching, group: group.id}, ...o}})}
        />
      )}
    </>
  )
}

function Members({group}: {group: Group}) {
  const {account} = useAccountPage()
  const members = useMembers(account, group.id)
  if (!members.data?.items.length) return null
  return (
    <Panel flush title={t.members}>
      <Truncated of={[account, 'groups', group.id, 'members']} />
      <Table dense label={t.members} head={[t.memberColumns.address, t.memberColumns.nic, t.memberColumns.domain]}>
        {members.data.items.map((m) => (
          <tr key={`${m.routing_domain} ${m.address}`}>
            <td className="mono">{m.address}</td>
            <td>{m.nic ? <NICLink id={m.nic} /> : <span className="dim">{t.otherAccount}</span>}</td>
            <td className="mono dim">{m.routing_domain}</td>
          </tr>
        ))}
      </Table>
    </Panel>
  )
}
