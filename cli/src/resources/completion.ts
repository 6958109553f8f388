/** `shoal completion`: a script for the shell, made of the command tree, so that it knows what the tree knows. */
import { Argument, type Command, type Option } from "commander";
import type { Runtime } from "../session.ts";

interface Place {
  /** Words from the root, each after a slash: `/processors/get`. */
  readonly path: string;
  readonly words: readonly string[];
  readonly options: readonly Option[];
}

export function addCompletion(parent: Command, runtime: Runtime): void {
  parent
    .command("completion")
    .description("Writes a completion script: source <(shoal completion bash)")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh"]))
    .action((shell: "bash" | "zsh") => {
      const places = placesOf(parent, "");
      runtime.streams.stdout(shell === "bash" ? bash(places) : zsh(places));
    });
}

function placesOf(command: Command, path: string): Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const options = [...help.visibleOptions(command), ...inheritedOptions(command)];
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  const words = [...commands.map((each) => each.name()), ...choices, ...options.flatMap((option) => option.long ?? [])];
  return [
    { path, words, options },
    ...commands.filter((each) => each.name() !== "help").flatMap((each) => placesOf(each, `${path}/${each.name()}`)),
  ];
}

/** Options of the commands above are taken anywhere on the line; the program's version is asked for by itself. */
function inheritedOptions(command: Command): readonly Option[] {
  const { parent } = command;
  if (parent === null) return [];
  return [...parent.options.filter((option) => option.long !== "--version"), ...inheritedOptions(parent)];
}

/** What is common to both shells: where in the tree the words before the cursor lead, and what may follow there. */
function body(places: readonly Place[], reply: (words: string) => string, files: string): string {
  const paths = places.filter((place) => place.path !== "").map((place) => `"${place.path}"`);
  const values = places.flatMap((place) =>
    place.options
      .filter((option) => option.required || option.optional)
      .map((option) => {
        const flags = [option.long, option.short]
          .filter((flag) => flag !== undefined)
          .map((flag) => `"${place.path} ${flag}"`);
        const answer =
          option.argChoices === undefined
            ? /<file>/.test(option.flags)
              ? files
              : ":"
            : reply(option.argChoices.join(" "));
        return `    ${flags.join("|")}) ${answer}; return ;;`;
      }),
  );
  const words = places.map((place) => `    "${place.path}") ${reply(place.words.join(" "))} ;;`);
  return `  for word in "\${before[@]}"; do
    case "$place/$word" in
      ${paths.join("|")}) place="$place/$word" ;;
    esac
    previous="$word"
  done
  case "$place $previous" in
${values.join("\n")}
  esac
  case "$place" in
${words.join("\n")}
  esac`;
}

function bash(places: readonly Place[]): string {
  return `# bash completion for shoal
_shoal() {
  local place="" previous="" word current="\${COMP_WORDS[COMP_CWORD]}"
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${body(places, (words) => `COMPREPLY=($(compgen -W "${words}" -- "$current"))`, 'COMPREPLY=($(compgen -f -- "$current"))')}
}
complete -F _shoal shoal
`;
}

function zsh(places: readonly Place[]): string {
  return `#compdef shoal
_shoal() {
  local place="" previous="" word
  local -a before
  before=("\${(@)words[2,CURRENT-1]}")
${body(places, (words) => `compadd -- ${words}`, "_files")}
}
if [ "$funcstack[1]" = "_shoal" ]; then _shoal "$@"; else compdef _shoal shoal; fi
`;
}
