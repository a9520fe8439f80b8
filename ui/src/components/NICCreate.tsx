import {useAccountPage} from '../api/account'
import {api} from '../api/client'
import {faultAt} from '../api/problem'
import {useNetworks} from '../api/queries'
import {creating as t} from '../texts'
import {CreateDialog, listOf} from './CreateDialog'
import {SelectField, TextField} from './Field'

/** A new NIC of the account, with the id that its interface at the bridge has. */
export function NICCreate({onClose}: {onClose: () => void}) {
  const {account} = useAccountPage()
  const networks = useNetworks()
  return (
    <CreateDialog
      title={t.newNIC} initial={{id: '', network: networks.data?.[0]?.id ?? '', mac: '', addresses: '', instance: ''}} onClose={onClose}
      shown={['/id', '/network', '/mac', '/addresses', '/instance']}
      send={(f) => (o) =>
        api.PUT('/v1/nics/{nic}', {
          params: {path: {nic: f.id.trim()}, query: o.query, header: {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {account, network: f.network, mac: f.mac.trim(), addresses: listOf(f.addresses), instance: f.instance.trim() || null, enforcement: 'on', dhcp_server: false},
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.nicID} hint={t.nicIDHint} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required className="mono" />
          <SelectField label={t.network} value={f.network} onChange={(e) => set({network: e.target.value})} error={faultAt(error, '/network')} required>
            <option value="">–</option>
            {networks.data?.map((n) => (
              <option key={n.id} value={n.id}>
                {n.id} ({n.prefixes.join(', ')})
              </option>
            ))}
          </SelectField>
          <TextField label="MAC" value={f.mac} onChange={(e) => set({mac: e.target.value})} placeholder="02:00:00:00:00:11" error={faultAt(error, '/mac')} required className="mono" />
          <TextField label={t.addresses} hint={t.listHint} value={f.addresses} onChange={(e) => set({addresses: e.target.value})} error={faultAt(error, '/addresses', '/addresses/0', '/addresses/1')} className="mono" />
          <TextField label={t.instance} value={f.instance} onChange={(e) => set({instance: e.target.value})} error={faultAt(error, '/instance')} className="mono" />
        </>
      )}
    />
  )
}
