"""The proof: the suites run against every fault and every correct variant of the reference endpoint.

It shows which faults the suites find, and that they accuse no correct server. `subjects` lists the servers and what
must be found, `trial` runs the suites against one of them, `matrix` summarizes, and other modules write the result.
"""

from messages_conformance.proof.matrix import Matrix
from messages_conformance.proof.prove import PROOF_FILES, ProofOptions, prove
from messages_conformance.proof.subjects import Subject, rules_without_fault, subjects
from messages_conformance.proof.trial import MODEL, Trial, run, try_subject
from messages_conformance.proof.trials import Trials
from messages_conformance.suite_process.suite_requests import suite_requests

__all__ = [
    "MODEL",
    "PROOF_FILES",
    "Matrix",
    "ProofOptions",
    "Subject",
    "Trial",
    "Trials",
    "prove",
    "rules_without_fault",
    "run",
    "subjects",
    "suite_requests",
    "try_subject",
]
