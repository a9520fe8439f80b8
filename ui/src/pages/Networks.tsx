import {useQueryClient} from '@tanstack/react-query'
import {useState} from 'react'

import {useWho} from '../api/account'
import {api} from '../api/client'
import {useBaseline, useNetworks} from '../api/queries'
import type {Network} from '../api/types'
import {Badge} from '../components/Badge'
import {ConfirmDialog} from '../components/ConfirmDialog'
import {Copy} from '../components/Copy'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {NetworkDialog, readNetwork} from '../components/NetworkDialog'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {common, creating, networks as t} from '../texts'

type Open = {what: 'new'} | {what: 'edit'; network: {data: Network; etag: string | null}} | {what: 'delete'; id: string} | null

/** The networks of the platform, and what passes everywhere without a rule. */
export function Networks() {
  const list = useNetworks()
  const baseline = useBaseline()
  const {rights} = useWho()
  const [open, setOpen] = useState<Open>(null)
  const [fault, setFault] = useState<unknown>(null)
  const queries = useQueryClient()
  const edit = (id: string) => {
    setFault(null)
    readNetwork(id).then((network) => setOpen({what: 'edit', network}), setFault)
  }
  const again = () => void queries.invalidateQueries({queryKey: ['platform', 'networks']})
  const close = () => {
    setOpen(null)
    again()
  }
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        {rights.platformWrite && (
          <button className="primary" onClick={() => setOpen({what: 'new'})}>
            <Icon name="plus" /> {creating.newNetwork}
          </button>
        )}
      </PageHead>
      {open?.what === 'new' && <NetworkDialog network={null} onClose={close} />}
      {open?.what === 'edit' && <NetworkDialog network={open.network} onClose={close} />}
      {open?.what === 'delete' && (
        <ConfirmDialog
          title={t.remove(open.id)} subject={open.id} danger onClose={close}
          send={(o) => api.DELETE('/v1/networks/{network}', {params: {path: {network: open.id}, ...o}})}
        >
          <p className="hint">{t.removeHint}</p>
        </ConfirmDialog>
      )}
      <ProblemNote error={list.error ?? fault} />
      <Truncated of={['platform', 'networks']} />
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <Copy text={t.emptyCommand} />
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.id, t.columns.type, t.columns.prefixes, t.columns.vlan, t.columns.domain, t.columns.gateways, ...(list.data.some((n) => n.warnings.length) ? [t.columns.warnings] : []), ...(rights.platformWrite ? [''] : [])]}>
            {list.data.map((n) => (
              <tr key={n.id}>
                <td className="mono strong">{n.id}</td>
                <td>
                  {n.type}
                  {n.vpc && <span className="dim"> {n.vpc}</span>}
                </td>
                <td className="mono">{n.prefixes.join(', ')}</td>
                <td className="num">{n.vlan === null ? t.neverLeaves : n.vlan === 0 ? t.untagged : n.vlan}</td>
                <td className="mono">{n.routing_domain}</td>
                <td className="mono">{n.gateways.join(', ')}</td>
                {list.data.some((x) => x.warnings.length) && (
                  <td>
                    {n.warnings.map((w) => (
                      <Badge key={w.code} tone="warn" title={w.detail}>
                        {w.code}
                      </Badge>
                    ))}
                  </td>
                )}
                {rights.platformWrite && (
                  <td className="row-actions">
                    <button className="quiet icon" onClick={() => edit(n.id)} aria-label={`${common.edit}: ${n.id}`} title={common.edit}>
                      <Icon name="edit" />
                    </button>
                    <button className="quiet icon" onClick={() => setOpen({what: 'delete', id: n.id})} aria-label={`${common.delete}: ${n.id}`} title={common.delete}>
                      <Icon name="trash" />
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </Table>
        </Panel>
      )}
      {baseline.data && (
        <div className="columns even">
          <Panel title={t.baseline} aside={<span className="dim small">{t.baselineHint}</span>}>
            {baseline.data.addresses.length === 0 && <p className="dim">{t.noBaseline}</p>}
            <ul className="plain">
              {baseline.data.addresses.map((a) => (
                <li key={`${a.address} ${a.protocol} ${a.port}`}>
                  <span className="mono">
                    {a.protocol} {a.address}:{a.port}
                  </span>{' '}
                  <span className="dim">{a.description}</span>
                </li>
              ))}
            </ul>
          </Panel>
          <Panel title={t.guard} aside={<span className="dim small">{t.guardHint}</span>}>
            <ul className="prose">
              {baseline.data.guard.map((g) => (
                <li key={g}>{g}</li>
              ))}
            </ul>
          </Panel>
        </div>
      )}
    </>
  )
}
