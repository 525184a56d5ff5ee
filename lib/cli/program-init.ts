import type { Command } from 'commander'
import { type Context, collect, define, FINGERPRINT, prose } from './define.ts'
import type { InitOptions } from './init/init.ts'

export function addInit(program: Command, context: Context): void {
  const { io } = context
  define<InitOptions>(program, 'init', context, async (options) => (await import('./init/init.ts')).init(options, io))
    .summary('connect remotes to a project, and map one to another')
    .description(
      prose(`Makes the files of remote instances in a project directory. Fetches the certificate chains, shows them with
fingerprints, and trusts what is confirmed; encrypts secrets; runs the check; offers a mapping of the fields that two
remotes have in common, and names the others with the reason. Nothing is written before all of that is well, no file is
replaced without --overwrite, and an error leaves everything as it was.

What no option says is asked at the terminal. Without a terminal the options that are missing are named. --yes confirms
everything but certificates: these take --trust-fingerprint or an answer.

NAME is the name of the remote in this gateway, such as eu.`),
    )
    .option('--project <dir>', 'project directory; created if missing')
    .option('--remote <name=url>', 'a remote and its address, ending in /openidm/; repeatable', collect)
    .option('--user <name=user>', 'its user name, for authType basic; repeatable', collect)
    .option('--client-id <name=id>', 'its OAuth 2.0 client, for authType bearer; repeatable', collect)
    .option('--token-endpoint <name=url>', 'URL of its token endpoint; repeatable', collect)
    .option('--client-auth <name=method>', 'client_secret_basic (default) or client_secret_post', collect)
    .option('--scope <name=scope>', 'its scope, such as fr:idm:*; repeatable', collect)
    .option('--secret-file <name=file>', 'file with its password or client secret; repeatable', collect)
    .option(...FINGERPRINT)
    .option('--map <source=target>', 'make a mapping: eu=us, or eu/managed/user=us/managed/alpha_user')
    .option('--overwrite', 'replace existing files')
    .option('--no-check', 'contact no remote: trust nothing, check nothing')
    .option('--yes', 'write without asking')
}
