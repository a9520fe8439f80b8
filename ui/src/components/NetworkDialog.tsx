import {answerWithETag, api} from '../api/client'
import {faultAt} from '../api/problem'
import type {Network} from '../api/types'
import {creating as t} from '../texts'
import {SelectField, TextField} from './Field'
import {FormDialog, listOf} from './FormDialog'

const read = (network: string) => answerWithETag(api.GET('/v1/networks/{network}', {params: {path: {network}}}))

const formOf = (n: Network | null) => ({
  id: n?.id ?? '', type: n?.type ?? ('flat' as Network['type']), vpc: n?.vpc ?? '', prefixes: (n?.prefixes ?? []).join(', '), vlan: n ? String(n.vlan ?? '') : '0',
  domain: n?.routing_domain ?? '', gateways: (n?.gateways ?? []).join(', '),
})

/** A network, new or as it was read to be changed. */
export function NetworkDialog({network, onClose}: {network: {data: Network; etag: string | null} | null; onClose: () => void}) {
  const n = network?.data ?? null
  return (
    <FormDialog
      title={n ? t.changeNetwork(n.id) : t.newNetwork} initial={formOf(n)} onClose={onClose}
      base={network && n ? {...network, read: () => read(n.id)} : undefined}
      shown={['/id', '/type', '/vpc', '/prefixes', '/vlan', '/routing_domain', '/gateways']}
      send={(f) => (o) =>
        api.PUT('/v1/networks/{network}', {
          params: {path: {network: f.id.trim()}, query: o.query, header: n ? o.header : {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {
            type: f.type, vpc: f.type === 'vpc' ? f.vpc.trim() : null, prefixes: listOf(f.prefixes), vlan: f.vlan.trim() ? Number(f.vlan) : null,
            routing_domain: f.domain.trim() || null, gateways: listOf(f.gateways),
          },
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.networkID} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required disabled={n !== null} className="mono" />
          <SelectField label={t.type} value={f.type} onChange={(e) => set({type: e.target.value as Network['type']})} error={faultAt(error, '/type')}>
            {['flat', 'public', 'vpc'].map((x) => (
              <option key={x}>{x}</option>
            ))}
          </SelectField>
          {f.type === 'vpc' && <TextField label="VPC" value={f.vpc} onChange={(e) => set({vpc: e.target.value})} error={faultAt(error, '/vpc')} required className="mono" />}
          <TextField label={t.prefixes} hint={t.listHint} value={f.prefixes} onChange={(e) => set({prefixes: e.target.value})} placeholder="10.0.0.0/24" error={faultAt(error, '/prefixes', '/prefixes/0', '/prefixes/1')} className="mono" />
          <TextField label="VLAN" hint={t.vlanHint} value={f.vlan} onChange={(e) => set({vlan: e.target.value.replace(/\D/g, '')})} inputMode="numeric" error={faultAt(error, '/vlan')} />
          <TextField label={t.domain} hint={t.domainHint} value={f.domain} onChange={(e) => set({domain: e.target.value})} error={faultAt(error, '/routing_domain')} className="mono" />
          <TextField label={t.gateways} hint={t.listHint} value={f.gateways} onChange={(e) => set({gateways: e.target.value})} error={faultAt(error, '/gateways', '/gateways/0')} className="mono" />
        </>
      )}
    />
  )
}

/** Reads a network for its dialog. */
export const readNetwork = async (id: string) => {
  const r = await read(id)
  return {data: r.data as Network, etag: r.etag}
}
