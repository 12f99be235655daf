// Keys of everything snapshots keep in the meta store. Digests appear in their text form, kinds as "model", "dataset", "config".
#ifndef FIREBREAK_STORAGE_KEYS_SNAPSHOTS_H_
#define FIREBREAK_STORAGE_KEYS_SNAPSHOTS_H_

#include <cstdint>
#include <string_view>

#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/storage/keys.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak::keys {

// By digest: the snapshot under the first name it was pushed with; its lineage is the union of all pushes.
inline Key<v1::Snapshot> SnapshotByDigest(std::string_view digest) {
  return KeyBuilder("snapshot").Text(digest).Build<v1::Snapshot>();
}
// By name and version: the snapshot as pushed under that name.
inline Key<v1::Snapshot> SnapshotVersion(std::string_view kind, std::string_view name, uint64_t version) {
  return KeyBuilder("snapshot-version").Text(kind).Text(name).Number(version).Build<v1::Snapshot>();
}
inline KeyPrefix<v1::Snapshot> SnapshotVersions() { return KeyBuilder("snapshot-version").BuildPrefix<v1::Snapshot>(); }
inline KeyPrefix<v1::Snapshot> SnapshotVersions(std::string_view kind) {
  return KeyBuilder("snapshot-version").Text(kind).BuildPrefix<v1::Snapshot>();
}
inline KeyPrefix<v1::Snapshot> SnapshotVersions(std::string_view kind, std::string_view name) {
  return KeyBuilder("snapshot-version").Text(kind).Text(name).BuildPrefix<v1::Snapshot>();
}

inline Key<store::v1::SnapshotSeries> SnapshotSeries(std::string_view kind, std::string_view name) {
  return KeyBuilder("snapshot-series").Text(kind).Text(name).Build<store::v1::SnapshotSeries>();
}
inline KeyPrefix<store::v1::SnapshotSeries> AllSnapshotSeries() {
  return KeyBuilder("snapshot-series").BuildPrefix<store::v1::SnapshotSeries>();
}
inline Key<store::v1::SeriesDigest> SeriesDigest(std::string_view kind, std::string_view name, std::string_view digest) {
  return KeyBuilder("snapshot-series-digest").Text(kind).Text(name).Text(digest).Build<store::v1::SeriesDigest>();
}

inline Key<store::v1::Manifest> SnapshotManifest(std::string_view digest) {
  return KeyBuilder("snapshot-manifest").Text(digest).Build<store::v1::Manifest>();
}
inline KeyPrefix<store::v1::Manifest> SnapshotManifests() {
  return KeyBuilder("snapshot-manifest").BuildPrefix<store::v1::Manifest>();
}
inline Key<store::v1::Proven> SnapshotProven(std::string_view digest) {
  return KeyBuilder("snapshot-proven").Text(digest).Build<store::v1::Proven>();
}

// "child <relation> parent", read from the parent's side. The child's side is Snapshot.lineage.
inline Key<v1::LineageEdge> SnapshotChild(std::string_view parent, std::string_view child, uint64_t relation) {
  return KeyBuilder("snapshot-child").Text(parent).Text(child).Number(relation).Build<v1::LineageEdge>();
}
inline KeyPrefix<v1::LineageEdge> SnapshotChildren(std::string_view parent) {
  return KeyBuilder("snapshot-child").Text(parent).BuildPrefix<v1::LineageEdge>();
}

inline Key<v1::Quarantine> SnapshotQuarantine(std::string_view digest) {
  return KeyBuilder("snapshot-quarantine").Text(digest).Build<v1::Quarantine>();
}
inline KeyPrefix<v1::Quarantine> SnapshotQuarantines() { return KeyBuilder("snapshot-quarantine").BuildPrefix<v1::Quarantine>(); }
inline KeyPrefix<v1::Snapshot> SnapshotsByDigest() { return KeyBuilder("snapshot").BuildPrefix<v1::Snapshot>(); }

inline Key<store::v1::StoredSignature> SnapshotSignature(std::string_view digest, std::string_view key_id) {
  return KeyBuilder("snapshot-signature").Text(digest).Text(key_id).Build<store::v1::StoredSignature>();
}
inline KeyPrefix<store::v1::StoredSignature> SnapshotSignatures(std::string_view digest) {
  return KeyBuilder("snapshot-signature").Text(digest).BuildPrefix<store::v1::StoredSignature>();
}
inline KeyPrefix<store::v1::StoredSignature> AllSnapshotSignatures() {
  return KeyBuilder("snapshot-signature").BuildPrefix<store::v1::StoredSignature>();
}
inline Key<store::v1::SignedRef> SnapshotSignedBy(std::string_view key_id, std::string_view digest) {
  return KeyBuilder("snapshot-signed-by").Text(key_id).Text(digest).Build<store::v1::SignedRef>();
}
inline KeyPrefix<store::v1::SignedRef> AllSignedRefs() { return KeyBuilder("snapshot-signed-by").BuildPrefix<store::v1::SignedRef>(); }
inline KeyPrefix<store::v1::SignedRef> SnapshotsSignedBy(std::string_view key_id) {
  return KeyBuilder("snapshot-signed-by").Text(key_id).BuildPrefix<store::v1::SignedRef>();
}

inline Key<v1::TrustedSigner> SnapshotSigner(std::string_view key_id) {
  return KeyBuilder("snapshot-signer").Text(key_id).Build<v1::TrustedSigner>();
}
inline KeyPrefix<v1::TrustedSigner> SnapshotSigners() { return KeyBuilder("snapshot-signer").BuildPrefix<v1::TrustedSigner>(); }

inline Key<store::v1::PushSession> SnapshotPush(std::string_view push_id) {
  return KeyBuilder("snapshot-push").Text(push_id).Build<store::v1::PushSession>();
}
inline KeyPrefix<store::v1::PushSession> SnapshotPushes() {
  return KeyBuilder("snapshot-push").BuildPrefix<store::v1::PushSession>();
}
inline Key<store::v1::PushDone> SnapshotPushDone(std::string_view push_id) {
  return KeyBuilder("snapshot-push-done").Text(push_id).Build<store::v1::PushDone>();
}
inline KeyPrefix<store::v1::PushDone> SnapshotPushesDone() {
  return KeyBuilder("snapshot-push-done").BuildPrefix<store::v1::PushDone>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_SNAPSHOTS_H_
