import {api} from '../api/client'
import {faultAt} from '../api/problem'
import {accounts as ta, creating as t} from '../texts'
import {FormDialog} from './FormDialog'
import {SelectField, TextField} from './Field'

export function AccountCreate({onClose, onCreated}: {onClose: () => void; onCreated: (id: string) => void}) {
  return (
    <FormDialog
      title={t.newAccount} initial={{id: '', egress: 'auto', guard: 'allow'}} shown={['/id', '/settings/egress_policy_default', '/settings/egress_open_guard']} onClose={onClose}
      onDone={(f) => onCreated(f.id.trim())}
      send={(f) => (o) =>
        api.PUT('/v1/accounts/{account}', {
          params: {path: {account: f.id.trim()}, query: o.query, header: {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {settings: {egress_policy_default: f.egress, egress_open_guard: f.guard}},
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.accountID} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required className="mono" />
          <SelectField label={ta.columns.egress} value={f.egress} onChange={(e) => set({egress: e.target.value})}>
            {['auto', 'listed', 'open'].map((x) => (
              <option key={x}>{x}</option>
            ))}
          </SelectField>
          <SelectField label={ta.columns.guard} value={f.guard} onChange={(e) => set({guard: e.target.value})}>
            {['allow', 'block'].map((x) => (
              <option key={x}>{x}</option>
            ))}
          </SelectField>
        </>
      )}
    />
  )
}
