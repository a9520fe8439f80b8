import {api} from '../api/client'
import {faultAt} from '../api/problem'
import {creating as t} from '../texts'
import {CreateDialog, listOf} from './CreateDialog'
import {SelectField, TextField} from './Field'

export function NetworkCreate({onClose}: {onClose: () => void}) {
  return (
    <CreateDialog
      title={t.newNetwork} initial={{id: '', type: 'flat', vpc: '', prefixes: '', vlan: '0', gateways: ''}} onClose={onClose}
      shown={['/id', '/type', '/vpc', '/prefixes', '/vlan', '/gateways']}
      send={(f) => (o) =>
        api.PUT('/v1/networks/{network}', {
          params: {path: {network: f.id.trim()}, query: o.query, header: {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {type: f.type, vpc: f.type === 'vpc' ? f.vpc.trim() : null, prefixes: listOf(f.prefixes), vlan: f.vlan.trim() ? Number(f.vlan) : null, gateways: listOf(f.gateways)},
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.networkID} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required className="mono" />
          <SelectField label={t.type} value={f.type} onChange={(e) => set({type: e.target.value})} error={faultAt(error, '/type')}>
            {['flat', 'public', 'vpc'].map((x) => (
              <option key={x}>{x}</option>
            ))}
          </SelectField>
          {f.type === 'vpc' && <TextField label="VPC" value={f.vpc} onChange={(e) => set({vpc: e.target.value})} error={faultAt(error, '/vpc')} required className="mono" />}
          <TextField label={t.prefixes} hint={t.listHint} value={f.prefixes} onChange={(e) => set({prefixes: e.target.value})} placeholder="10.0.0.0/24" error={faultAt(error, '/prefixes', '/prefixes/0', '/prefixes/1')} className="mono" />
          <TextField label="VLAN" hint={t.vlanHint} value={f.vlan} onChange={(e) => set({vlan: e.target.value.replace(/\D/g, '')})} inputMode="numeric" error={faultAt(error, '/vlan')} />
          <TextField label={t.gateways} hint={t.listHint} value={f.gateways} onChange={(e) => set({gateways: e.target.value})} error={faultAt(error, '/gateways', '/gateways/0')} className="mono" />
        </>
      )}
    />
  )
}
