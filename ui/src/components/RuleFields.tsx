import {useAccountPage} from '../api/account'
import {faultAt} from '../api/problem'
import {formFaults, hasICMP, hasPorts, type RuleForm, writeOf} from '../lib/ruleform'
import {ruleText} from '../lib/service'
import {ruleForm as t} from '../texts'
import {CheckField, Choice, SelectField, TextField} from './Field'

/** Pointers of the API whose faults these fields show. */
export const rulePointers = [
  '/direction', '/protocol', '/port_min', '/port_max', '/icmp_type', '/icmp_code', '/family', '/remote_cidr', '/remote_group', '/description', '/enabled',
]

interface Props {
  form: RuleForm
  onChange: (f: RuleForm) => void
  error: unknown
}

/** The fields of a rule, each with what the API says about it. */
export function RuleFields({form: f, onChange, error}: Props) {
  const {groups, shared, nameOf} = useAccountPage()
  const set = (change: Partial<RuleForm>) => onChange({...f, ...change})
  const own = formFaults(f)
  const others = f.group.includes('/') // <account>/<id>: a group that is shared with this account
  return (
    <>
      <Choice label={t.direction} value={f.direction} options={[['ingress', t.ingress], ['egress', t.egress]]} onChange={(direction) => set({direction})} />
      <div className="fields">
        <TextField
          label={t.protocol} value={f.protocol} onChange={(e) => set({protocol: e.target.value})} hint={t.protocolHint} error={faultAt(error, '/protocol')}
          options={['tcp', 'udp', 'icmp', 'all'].map((value) => ({value}))} required narrow
        />
        {hasPorts(f.protocol) && (
          <TextField
            label={t.ports} value={f.ports} onChange={(e) => set({ports: e.target.value})} hint={t.portsHint} inputMode="numeric"
            error={own.ports ?? faultAt(error, '/port_min', '/port_max')}
          />
        )}
        {hasICMP(f.protocol) && (
          <>
            <TextField label={t.icmpType} value={f.icmpType} onChange={(e) => set({icmpType: e.target.value})} error={own.icmpType ?? faultAt(error, '/icmp_type')} narrow />
            <TextField label={t.icmpCode} value={f.icmpCode} onChange={(e) => set({icmpCode: e.target.value})} error={own.icmpCode ?? faultAt(error, '/icmp_code')} narrow />
          </>
        )}
      </div>
      <div className="fields">
        <SelectField label={t.group} value={others ? '/' : f.group} onChange={(e) => set({group: e.target.value})} error={others ? undefined : faultAt(error, '/remote_group')}>
          <option value="">{t.groupAny}</option>
          <option value="/">{t.groupOfOthers}</option>
          {f.group && !others && !groups.some((g) => g.id === f.group) && <option>{f.group}</option>}
          {[...groups].sort((a, b) => a.name.localeCompare(b.name)).map((g) => (
            <option key={g.id} value={g.id}>
              {g.name}
            </option>
          ))}
        </SelectField>
        {others && (
          <TextField
            label={t.otherGroup} value={f.group === '/' ? '' : f.group} hint={t.otherGroupHint} error={faultAt(error, '/remote_group')} required className="mono"
            options={shared.filter((g) => g.use.includes('reference')).map((g) => ({value: g.id, label: `${g.account}/${g.name}`}))}
            onChange={(e) => set({group: e.target.value.includes('/') ? e.target.value.trim() : `/${e.target.value.trim()}`})}
          />
        )}
        <TextField label={t.cidr} value={f.cidr} onChange={(e) => set({cidr: e.target.value})} hint={t.cidrHint} error={faultAt(error, '/remote_cidr')} />
        <SelectField label={t.family} value={f.family} onChange={(e) => set({family: e.target.value})} error={faultAt(error, '/family')} hint={t.familyHint} narrow>
          {Object.entries(t.families).map(([v, text]) => (
            <option key={v} value={v}>
              {text}
            </option>
          ))}
        </SelectField>
      </div>
      <TextField label={t.description} value={f.description} onChange={(e) => set({description: e.target.value})} error={faultAt(error, '/description')} maxLength={1024} />
      <CheckField label={t.enabled} checked={f.enabled} onChange={(e) => set({enabled: e.target.checked})} />
      <p className="sentence">
        {t.sentence} <b>{ruleText(writeOf(f), nameOf)}</b>
      </p>
    </>
  )
}
