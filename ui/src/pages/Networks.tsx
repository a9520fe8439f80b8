import {useState} from 'react'

import {useWho} from '../api/account'
import {useBaseline, useNetworks} from '../api/queries'
import {Badge} from '../components/Badge'
import {Copy} from '../components/Copy'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {NetworkCreate} from '../components/NetworkCreate'
import {ProblemNote} from '../components/ProblemNote'
import {creating, networks as t} from '../texts'

/** The networks of the platform, and what passes everywhere without a rule. */
export function Networks() {
  const list = useNetworks()
  const baseline = useBaseline()
  const {rights} = useWho()
  const [open, setOpen] = useState(false)
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        {rights.platformWrite && (
          <button className="primary" onClick={() => setOpen(true)}>
            <Icon name="plus" /> {creating.newNetwork}
          </button>
        )}
      </PageHead>
      {open && <NetworkCreate onClose={() => setOpen(false)} />}
      <ProblemNote error={list.error} />
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <Copy text={t.emptyCommand} />
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.id, t.columns.type, t.columns.prefixes, t.columns.vlan, t.columns.domain, t.columns.gateways, '']}>
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
                <td>
                  {n.warnings.map((w) => (
                    <Badge key={w.code} tone="warn" title={w.detail}>
                      {w.code}
                    </Badge>
                  ))}
                </td>
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
