import { Command, Option } from 'commander'
import { commandLine } from '../core/command-line.ts'
import { packageVersion } from '../gateway/project/package-info.ts'
import type { CheckOptions } from './check.ts'
import { type CommandIo, type ProjectOptions, parseCount, parsePort } from './command.ts'
import { type Context, collect, define, environment, FINGERPRINT, LOG_LEVEL, PROJECT, prose } from './define.ts'
import type { DoctorOptions } from './doctor.ts'
import { widthOf } from './output.ts'
import { addInit } from './program-init.ts'
import { addLink } from './program-link.ts'
import { addProject } from './program-project.ts'
import { addRecon } from './program-recon.ts'
import { addQueue } from './queue/program-queue.ts'
import { addRepo, REPO_URL } from './repo/program-repo.ts'
import type { StartOptions } from './start.ts'
import type { TrustFetchOptions } from './trust-fetch.ts'

export const PROGRAM = 'openidm-external-idm'
const MAX_WORKERS = 64

/**
 * The commands with their options. A command loads its own modules when it runs: help and errors need none of them.
 * @param end takes the exit status of the command that ran
 */
export function createProgram(io: CommandIo, end: (status: number) => void): Command {
  const context: Context = { io, end }
  const name = commandLine({ cwd: io.cwd })
  const program = new Command(name)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, `${PROGRAM}:`)),
      getOutHelpWidth: () => widthOf(io.stdout),
      getErrHelpWidth: () => widthOf(io.stderr),
    })
    .configureHelp({ minWidthToWrap: 24 })
    .enablePositionalOptions()
    .version(packageVersion(), '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError(`Type  ${name} --help  to see commands and options.`)
    .description(
      prose(`Makes remote PingIDM, OpenIDM and Advanced Identity Cloud instances resources of this gateway: the remote that
conf/external.idm-NAME.json names answers /openidm/external/idm/NAME/…`),
    )
  addInit(program, context)
  addGateway(program, context)
  addRecon(program, context)
  addQueue(program, context)
  addLink(program, context)
  addTrust(program, context)
  addSecret(program, context)
  addProject(program, context)
  addRepo(program, context)
  program
    .command('version')
    .summary('show the version')
    .action(() => {
      io.stdout.write(`${packageVersion()}\n`)
    })
  return program
}

function addGateway(program: Command, context: Context): void {
  const { io } = context
  const start = define<StartOptions>(program, 'start', context, async (options) =>
    (await import('./start.ts')).start(options, io),
  )
    .summary('run the gateway on a project directory')
    .description(
      prose(`Runs the gateway on a project directory. When it accepts requests, standard output gets the line

  Listening on http://HOST:PORT/openidm

and one for HTTPS. Logs go to standard error.

SIGTERM and SIGINT stop it after requests in flight have finished. SIGHUP and SIGUSR2 reload the configuration and the
server certificate; no response is cut off.

With several workers, one that dies is replaced, and a change of configuration over REST is answered when all of them
have it in force. One of them runs reconciliations and schedules for all.`),
    )
    .option('--project <dir>', 'directory with conf/, security/, resolver/, script/, db/; missing are created')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port for HTTP; 0 takes a free one', (text) => parsePort('--port', text), 8080)
    .option('--https-port <n>', 'port for HTTPS; needs security/server.pem and security/server-key.pem', (text) =>
      parsePort('--https-port', text),
    )
    .option('--workers <n>', 'processes, to use as many cores', (text) => parseCount('--workers', text, MAX_WORKERS), 1)
    .option('--plugin <dir>', 'folder with a further plugin.json; repeatable', collect)
  environment(start, context, [
    ['OPENIDM_ADMIN_PASSWORD', 'password of openidm-admin'],
    ['OPENIDM_ADMIN_PASSWORD_FILE', 'file that holds it'],
    REPO_URL,
    LOG_LEVEL,
  ])

  define<CheckOptions>(program, 'check', context, async (options) => (await import('./check.ts')).check(options, io))
    .summary('test every remote instance, and find faulty mappings')
    .description(
      prose(`Tests every remote instance of a project, and finds faulty mappings. Needs no running gateway. An instance is
tested as by POST /openidm/external/idm/NAME?_action=test.

Exit status 0: all enabled instances and all mappings are well; 1: one is not, or there is no instance.`),
    )
    .option('--project <dir>', 'project directory, with conf/')
    .addOption(new Option('--conf <dir>', 'configuration directory, in place of --project').conflicts('project'))
    .option('--json', 'print the reports as JSON')

  define<DoctorOptions>(program, 'doctor', context, async (options) =>
    (await import('./doctor.ts')).doctor(options, io),
  )
    .summary('show what of the files of a project is not in force')
    .description(
      prose(`Shows what of the files of a project is not in force, why, and what to do about it: one row for each key.
Starts and writes nothing. The start of the gateway shows the same.

Schedules of a project that the gateway has not written are held until --accept, or "live": true in gateway.json.

Exit status 0: no file has a fault; 1: one has.`),
    )
    .option('--project <dir>', 'project directory, with conf/')
    .option('--accept', 'let the schedules run that are held; a running gateway sees it within seconds')
    .option('--json', 'print {"notices": [{"file", "key", "what", "cure"}], "unused": [file]}')
}

function addTrust(program: Command, context: Context): void {
  const { io } = context
  const load = () => import('./trust.ts')
  const trust = program
    .command('trust')
    .description('list, add, fetch and remove certificates that make remotes trusted')
    .usage('<command>')
  define<ProjectOptions>(trust, 'list', context, async (options) => (await load()).trustList(options, io))
    .summary('list trusted certificates')
    .description(
      prose(`Lists the certificates that make a remote trusted, besides those of the system. Reads security/truststore
(PKCS12, JKS or PEM) and security/truststore.pem, or what the properties openidm.truststore.location and
openidm.truststore.password name. Exit status 1: one of them cannot be used.`),
    )
    .option(...PROJECT)
  define<ProjectOptions>(trust, 'add <alias> <file>', context, async (options, alias = '', file = '') =>
    (await load()).trustAdd(alias, file, options, io),
  )
    .summary('trust the certificate in a file')
    .description(
      prose(`Adds the certificate in a file (PEM or DER), that of a remote or of its authority, to
security/truststore.pem. Compare the SHA-256 fingerprint with the administrator of the remote. A running gateway
reloads the file.`),
    )
    .option(...PROJECT)
  define<TrustFetchOptions>(trust, 'fetch <name>', context, async (options, name = '') =>
    (await import('./trust-fetch.ts')).trustFetch(name, options, io),
  )
    .summary('show what a remote presents, and trust it')
    .description(
      prose(`Shows the certificates that the remote instance NAME and its token endpoint present, with their
fingerprints, and adds one to security/truststore.pem: the one with the given fingerprint, or after a question at the
terminal. Compare the SHA-256 fingerprint with the administrator of the remote. Nothing is added without an answer.

Exit status 0: all servers of the instance are trusted now.`),
    )
    .option(...PROJECT)
    .option(...FINGERPRINT)
  define<ProjectOptions>(trust, 'remove <alias>', context, async (options, alias = '') =>
    (await load()).trustRemove(alias, options, io),
  )
    .summary('stop trusting a certificate')
    .description(
      prose(`Removes a certificate, by its alias or SHA-256 fingerprint, from security/truststore.pem. New connections no
longer trust it; requests in flight finish. Remove what keytool put into security/truststore with keytool -delete.`),
    )
    .option(...PROJECT)
}

function addSecret(program: Command, context: Context): void {
  const { io } = context
  const load = () => import('./secret.ts')
  const secret = program.command('secret').description('encrypt secrets for conf/, and change keys').usage('<command>')
  const encrypt = define<ProjectOptions>(secret, 'encrypt', context, async (options) =>
    (await load()).secretEncrypt(options, io),
  )
    .summary('encrypt a secret from standard input')
    .description(
      prose(`Encrypts a secret, read from standard input, for a file in conf/. Prints {"$crypto":…}, which takes the place
of the clear text. At a terminal it asks for the secret.`),
    )
    .option(...PROJECT)
  environment(encrypt, context, [
    ['IDM_CRYPTO_KEYS', 'keys, separated by commas; the first one encrypts'],
    ['IDM_CRYPTO_KEYS_FILE', 'file that holds them, one per line (default: security/crypto.keys)'],
  ])
  define<{ readonly id?: string }>(secret, 'generate-key', context, async (options) =>
    (await load()).secretGenerateKey(options, io),
  )
    .summary('print a new key for secrets at rest')
    .description(
      prose(`Prints a new key for secrets at rest. Store it in security/crypto.keys, readable by the gateway alone:

  umask 077
  ${commandLine({ cwd: io.cwd })} secret generate-key > security/crypto.keys

To change keys, put the new one before the old one, run secret rotate, and remove the old one.`),
    )
    .option('--id <id>', "name of the key (default: today's date)")
  define<ProjectOptions>(secret, 'rotate', context, async (options) => (await load()).secretRotate(options, io))
    .summary('encrypt everything again with the first key')
    .description(
      prose(`Encrypts again, with the first key, what other keys encrypted in conf/*.json, in stored objects and in
reconciliations. Other files stay as they are, byte for byte. Then the other keys can be removed.`),
    )
    .option(...PROJECT)
  define<ProjectOptions>(secret, 'rewrap', context, async (options) => (await load()).secretRewrap(options, io))
    .summary('bind encrypted values to their places')
    .description(
      prose(`Binds the encrypted values in conf/*.json to their places. A bound value decrypts only in its own file and
field, and in an instance only while its addresses stay the same: moved to where it would be shown or sent to another
server, it is useless. Values of earlier versions, of "secret encrypt" and of IDM are not bound; each is bound when its
object is written over REST, or by this command.`),
    )
    .option(...PROJECT)
}
