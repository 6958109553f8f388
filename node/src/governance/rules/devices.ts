/**
 * Devices: keys that act for an account. The account itself links and unlinks them, so a stolen device reaches no further than
 * itself; one that was unlinked never comes back, whoever signs for it.
 */
import { isMember, onlyFor, type Case, type Kinds } from "./case.ts";
import { retired } from "./changes.ts";
import { devicesOf } from "./standing.ts";
import { LIMITS, put } from "./state.ts";

const itself = (one: Case<"AccountDeviceLinked" | "AccountDeviceUnlinked">): boolean => one.key === one.signer;
const OWN_KEY = "devices are linked and unlinked by the account's own key";

export const DEVICE_KINDS: Kinds<"AccountDeviceLinked" | "AccountDeviceUnlinked"> = {
  AccountDeviceLinked: {
    refuse: [
      onlyFor(itself, OWN_KEY),
      onlyFor(isMember, "only members link devices"),
      {
        when: (one) => one.namespace.devices.has(one.action.device),
        then: "already_exists",
        because: "the device acts for an account already",
      },
      {
        when: (one) => one.namespace.retiredDevices.has(one.action.device),
        then: "denied",
        because: "the device was unlinked before",
      },
      {
        when: ({ namespace, signer, action: { device } }) =>
          device === signer ||
          devicesOf(namespace, device).length > 0 ||
          [...namespace.groups.values()].some((group) => group.members.has(device)),
        then: "invalid",
        because: "the key is an account of its own",
      },
      {
        when: (one) => devicesOf(one.namespace, one.signer).length >= LIMITS.devices,
        then: "limit",
        because: `an account has at most ${LIMITS.devices} devices`,
      },
    ],
    effect: ({ namespace, signer, action }) => ({
      ...namespace,
      devices: put(namespace.devices, action.device, signer),
    }),
  },
  AccountDeviceUnlinked: {
    refuse: [
      onlyFor(itself, OWN_KEY),
      {
        when: (one) => one.namespace.devices.get(one.action.device) !== one.signer,
        then: "not_found",
        because: "is no device of this account",
      },
      {
        when: (one) => one.namespace.retiredDevices.size >= LIMITS.retiredDevices,
        then: "limit",
        because: `a namespace remembers at most ${LIMITS.retiredDevices} unlinked devices`,
      },
    ],
    effect: ({ namespace, action }) => retired(namespace, action.device),
    takes:
      ({ action }) =>
      (namespace) =>
        retired(namespace, action.device),
  },
};
