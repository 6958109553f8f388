/** Names and free data of groups and members, and the bounds of both. */
import { CAPABILITY } from "./capabilities.ts";
import { can, isAdmin, memberOf, onlyFor, type Case, type Kinds, type Rule } from "./case.ts";
import { bytesIn, change, changeMember, metadataBy } from "./changes.ts";
import type { ActionType } from "./op.ts";
import { LIMITS, type Metadata } from "./state.ts";

type MetadataOp = "MemberAliasSet" | "GroupAliasSet" | "MemberMetadataSet" | "GroupMetadataSet";

/** Refuses a name that is empty or longer than the limit. */
export function checksName<T extends ActionType>(name: (one: Case<T>) => string | undefined): Rule<T> {
  return {
    when: (one) => {
      const text = name(one);
      return text !== undefined && (text.length === 0 || bytesIn(text) > LIMITS.nameBytes);
    },
    then: "limit",
    because: `a name has 1 to ${LIMITS.nameBytes} bytes`,
  };
}

export function checksMetadata<T extends ActionType>(metadata: (one: Case<T>) => Metadata): readonly Rule<T>[] {
  return [
    checksName((one: Case<T>) => metadata(one).name),
    {
      when: (one) => {
        const entries = Object.entries(metadata(one).data);
        const tooLong = ([key, value]: readonly [string, string]): boolean =>
          bytesIn(key) > LIMITS.metadataKeyBytes || bytesIn(value) > LIMITS.metadataValueBytes;
        return entries.length > LIMITS.metadataEntries || entries.some(tooLong);
      },
      then: "limit",
      because: `metadata has at most ${LIMITS.metadataEntries} entries, of ${LIMITS.metadataKeyBytes} and ${LIMITS.metadataValueBytes} bytes`,
    },
  ];
}

const labelsGroup = (one: Case<MetadataOp>): boolean => isAdmin(one) || can(one, CAPABILITY.manageMetadata);

const labelsMember: readonly Rule<"MemberAliasSet" | "MemberMetadataSet">[] = [
  onlyFor(
    (one) => labelsGroup(one) || one.signer === one.action.member,
    "takes an admin, CAN_MANAGE_METADATA or the member",
  ),
  {
    when: (one) => memberOf(one, one.action.member) === undefined,
    then: "not_found",
    because: "there is no such member in this group itself",
  },
];

export const METADATA_KINDS: Kinds<MetadataOp> = {
  MemberAliasSet: {
    refuse: [...labelsMember, checksName((one) => one.action.alias)],
    effect: (one) => {
      const before = memberOf(one, one.action.member)?.metadata;
      return changeMember(one, one.action.member, { metadata: metadataBy(one, before, { name: one.action.alias }) });
    },
  },
  GroupAliasSet: {
    refuse: [onlyFor(labelsGroup, "takes an admin or CAN_MANAGE_METADATA"), checksName((one) => one.action.alias)],
    effect: (one) => change(one, { metadata: metadataBy(one, one.group.metadata, { name: one.action.alias }) }),
  },
  MemberMetadataSet: {
    refuse: [...labelsMember, ...checksMetadata<"MemberMetadataSet">((one) => one.action.metadata)],
    effect: (one) => {
      const before = memberOf(one, one.action.member)?.metadata;
      return changeMember(one, one.action.member, { metadata: metadataBy(one, before, one.action.metadata) });
    },
  },
  GroupMetadataSet: {
    refuse: [
      onlyFor(labelsGroup, "takes an admin or CAN_MANAGE_METADATA"),
      ...checksMetadata<"GroupMetadataSet">((one) => one.action.metadata),
    ],
    effect: (one) => change(one, { metadata: metadataBy(one, one.group.metadata, one.action.metadata) }),
  },
};
