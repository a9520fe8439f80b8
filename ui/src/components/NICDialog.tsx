import {useAccountPage} from '../api/account'
import {answerWithETag, api} from '../api/client'
import {faultAt} from '../api/problem'
import {useNetworks} from '../api/queries'
import type {NIC} from '../api/types'
import {creating as t, nics as tn} from '../texts'
import {CheckField, SelectField, TextField} from './Field'
import {FormDialog, listOf} from './FormDialog'

/** Reads a NIC for its dialog. */
export const readNIC = async (id: string) => {
  const r = await answerWithETag(api.GET('/v1/nics/{nic}', {params: {path: {nic: id}}}))
  return {data: r.data as NIC, etag: r.etag}
}

const formOf = (n: NIC | null, network: string) => ({
  id: n?.id ?? '', network: n?.network ?? network, mac: n?.mac ?? '', addresses: (n?.addresses ?? []).join(', '), instance: n?.instance ?? '',
  allowed: (n?.allowed_addresses ?? []).join(', '), hosts: (n?.hosts ?? []).join(', '), filtered: n?.enforcement !== 'off', dhcp: n?.dhcp_server ?? false,
})

/** A NIC of the account, new or as it was read to be changed; its id is the one that its interface at the bridge has. */
export function NICDialog({nic, onClose}: {nic: {data: NIC; etag: string | null} | null; onClose: () => void}) {
  const {account} = useAccountPage()
  const networks = useNetworks()
  const n = nic?.data ?? null
  return (
    <FormDialog
      title={n ? t.changeNIC(n.id) : t.newNIC} initial={formOf(n, networks.data?.[0]?.id ?? '')} onClose={onClose}
      base={nic && n ? {...nic, read: () => readNIC(n.id)} : undefined}
      shown={['/id', '/network', '/mac', '/addresses', '/instance', '/allowed_addresses', '/hosts', '/enforcement', '/dhcp_server']}
      send={(f) => (o) =>
        api.PUT('/v1/nics/{nic}', {
          params: {path: {nic: f.id.trim()}, query: o.query, header: n ? o.header : {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {
            account, network: f.network, mac: f.mac.trim(), addresses: listOf(f.addresses), instance: f.instance.trim() || null,
            allowed_addresses: listOf(f.allowed), hosts: listOf(f.hosts), enforcement: f.filtered ? 'on' : 'off', dhcp_server: f.dhcp,
          },
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.nicID} hint={t.nicIDHint} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required disabled={n !== null} className="mono" />
          <SelectField label={t.network} value={f.network} onChange={(e) => set({network: e.target.value})} error={faultAt(error, '/network')} required>
            <option value="">–</option>
            {f.network && !networks.data?.some((x) => x.id === f.network) && <option>{f.network}</option>}
            {networks.data?.map((x) => (
              <option key={x.id} value={x.id}>
                {x.id} ({x.prefixes.join(', ')})
              </option>
            ))}
          </SelectField>
          <TextField label="MAC" value={f.mac} onChange={(e) => set({mac: e.target.value})} placeholder="02:00:00:00:00:11" error={faultAt(error, '/mac')} required className="mono" />
          <TextField label={t.addresses} hint={t.listHint} value={f.addresses} onChange={(e) => set({addresses: e.target.value})} error={faultAt(error, '/addresses', '/addresses/0', '/addresses/1')} className="mono" />
          <TextField label={t.instance} value={f.instance} onChange={(e) => set({instance: e.target.value})} error={faultAt(error, '/instance')} className="mono" />
          <TextField label={tn.facts.allowed} hint={t.listHint} value={f.allowed} onChange={(e) => set({allowed: e.target.value})} error={faultAt(error, '/allowed_addresses', '/allowed_addresses/0')} className="mono" />
          <TextField label={tn.facts.hosts} hint={t.hostsHint} value={f.hosts} onChange={(e) => set({hosts: e.target.value})} error={faultAt(error, '/hosts', '/hosts/0')} className="mono" />
          <CheckField label={t.filtered} checked={f.filtered} onChange={(e) => set({filtered: e.target.checked})} />
          <CheckField label={t.dhcp} checked={f.dhcp} onChange={(e) => set({dhcp: e.target.checked})} />
        </>
      )}
    />
  )
}
