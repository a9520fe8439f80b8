import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {api} from '../api/client'
import {useNICs} from '../api/queries'
import {group as t, nics as tn} from '../texts'
import {ConfirmDialog} from './ConfirmDialog'
import {SelectField} from './Field'

/** Attaches a group to a NIC; one of the two is given, the other is chosen. */
export function Attach({group, nic, onClose}: {group?: string; nic?: string; onClose: () => void}) {
  const {account, groups, shared, nameOf} = useAccountPage()
  const nics = useNICs(account)
  const [chosen, setChosen] = useState('')
  const g = group ?? chosen
  const n = nic ?? chosen
  const has = nics.data?.items.find((y) => y.id === nic)?.effective_groups
  const free = nic
    ? [...groups.map((x) => x.id), ...shared.filter((x) => x.use.includes('attach')).map((x) => x.id)].filter((id) => !has?.some((e) => e.id === id && !e.implicit)).map((id) => [id, nameOf(id)])
    : (nics.data?.items ?? []).filter((x) => !x.effective_groups.some((e) => e.id === group && !e.implicit)).map((x) => [x.id, `${x.id}  ${x.addresses.join(', ')}`])
  return (
    <ConfirmDialog
      title={nic ? tn.attachTo(nic) : `${t.attach} · ${nameOf(g)}`} subject={`${g} ${n}`} onClose={onClose}
      send={(o) => api.PUT('/v1/accounts/{account}/nics/{nic}/security-groups/{group}', {params: {path: {account, nic: n, group: g}, ...o}})}
    >
      <SelectField label={nic ? tn.group : t.nic} value={chosen} onChange={(e) => setChosen(e.target.value)} required>
        <option value="">–</option>
        {free.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </SelectField>
    </ConfirmDialog>
  )
}
