import { StartError } from '../../gateway/project/start-error.ts'
import { removeFromBundle } from '../../trust/trust-store-bundle.ts'
import type { Command } from '../command.ts'
import { bundleOf, editBundle, openTrustStore } from '../trust-bundle.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const trustRemove: Command = {
  name: 'trust remove',
  operands: ['ALIAS'],
  summary: 'Takes away the trust in a certificate, by its alias or SHA-256 fingerprint.',
  options: projectOption,
  notes: `Removes it from security/truststore.pem. Connections made from then on do not trust it any more; requests in
flight are finished. What keytool put into security/truststore goes by keytool -delete.`,

  async run(values, { stdout, env, cwd }) {
    const alias = values.operand(0)
    const store = await openTrustStore(projectDirOf(values, cwd), env)
    const bundle = bundleOf(store)
    const elsewhere = store.certificates().find((entry) => entry.alias === alias && entry.file !== bundle)
    const { removed } = await editBundle(bundle, (text) => {
      const edited = removeFromBundle(text, alias)
      if (edited.removed === 0) throw new StartError(absent(alias, bundle, elsewhere?.file))
      return edited
    })
    stdout.write(`Not trusted any more: ${alias}${removed > 1 ? ` (${removed} certificates)` : ''}\n`)
    return 0
  },
}

function absent(alias: string, bundle: string, elsewhere: string | undefined): string {
  const cure =
    elsewhere === undefined
      ? 'trust list shows what there is'
      : `it is in ${elsewhere}: keytool -delete -alias ${alias} -keystore ${elsewhere}`
  return `there is no ${JSON.stringify(alias)} in ${bundle}; ${cure}`
}
