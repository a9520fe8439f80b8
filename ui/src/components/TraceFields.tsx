import {useMemo} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {faultAt} from '../api/problem'
import type {NIC} from '../api/types'
import type {TraceForm} from '../lib/trace'
import {common, trace as t} from '../texts'
import {CheckField, SelectField, TextField} from './Field'
import {Icon} from './Icon'

interface Props {
  form: TraceForm
  nics: NIC[]
  onChange: (f: TraceForm) => void
  onSubmit: () => void
  error: unknown
  busy: boolean
}

export function TraceFields({form: f, nics, onChange, onSubmit, error, busy}: Props) {
  const {nameOf} = useAccountPage()
  const {rights} = useWho()
  const set = (change: Partial<TraceForm>) => onChange({...f, ...change})
  const ends = useMemo(() => nics.slice(0, 2000).map((n) => ({value: n.id, label: `${n.addresses.join(', ')}  ${n.effective_groups.map((g) => nameOf(g.id)).join(', ')}`})), [nics, nameOf])
  const ports = f.protocol === 'tcp' || f.protocol === 'udp'
  const icmp = f.protocol === 'icmp'
  return (
    <form
      className="trace-form"
      onSubmit={(e) => {
        e.preventDefault()
        onSubmit()
      }}
    >
      <div className="fields">
        <TextField
          label={t.from} value={f.from} onChange={(e) => set({from: e.target.value})} options={ends} placeholder={t.endHint} required data-search className="mono"
          error={faultAt(error, '/source', '/source/nic', '/source/address')}
        />
        <button type="button" className="quiet icon swap" onClick={() => set({from: f.to, to: f.from})} aria-label={t.swap} title={t.swap}>
          <Icon name="swap" />
        </button>
        <TextField
          label={t.to} value={f.to} onChange={(e) => set({to: e.target.value})} options={ends} placeholder={t.endHint} required className="mono"
          error={faultAt(error, '/destination', '/destination/nic', '/destination/address')}
        />
        <TextField label={t.protocol} value={f.protocol} onChange={(e) => set({protocol: e.target.value.toLowerCase()})} options={['tcp', 'udp', 'icmp'].map((value) => ({value}))} required narrow error={faultAt(error, '/protocol')} />
        {ports && <TextField label={t.port} value={f.port} onChange={(e) => set({port: e.target.value})} inputMode="numeric" required narrow error={faultAt(error, '/port')} />}
        {icmp && (
          <>
            <TextField label={t.icmpType} value={f.icmpType} onChange={(e) => set({icmpType: e.target.value})} placeholder="8" narrow error={faultAt(error, '/icmp_type')} />
            <TextField label={t.icmpCode} value={f.icmpCode} onChange={(e) => set({icmpCode: e.target.value})} placeholder="0" narrow error={faultAt(error, '/icmp_code')} />
          </>
        )}
        <button className="primary" disabled={busy}>
          {t.submit}
        </button>
      </div>
      <details className="more-fields">
        <summary>{t.options}</summary>
        <div className="fields">
          <SelectField label={t.family} value={f.family} onChange={(e) => set({family: e.target.value})} narrow error={faultAt(error, '/family')}>
            <option value="">{common.any}</option>
            <option value="ipv4">IPv4</option>
            <option value="ipv6">IPv6</option>
          </SelectField>
          <SelectField label={t.state} value={f.state} onChange={(e) => set({state: e.target.value})} narrow>
            {Object.entries(t.states).map(([v, text]) => (
              <option key={v} value={v}>
                {text}
              </option>
            ))}
          </SelectField>
          {ports && <TextField label={t.sourcePort} value={f.sourcePort} onChange={(e) => set({sourcePort: e.target.value})} placeholder="40000" inputMode="numeric" narrow error={faultAt(error, '/source_port')} />}
          {rights.probe && <CheckField label={t.probe} checked={f.probe} onChange={(e) => set({probe: e.target.checked})} />}
        </div>
      </details>
    </form>
  )
}
